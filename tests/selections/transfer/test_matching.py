"""What a title means, as far as that is clear."""

import pytest

from selections.transfer.matching import Candidate, Offer, choose, plain
from selections.transfer.readers.rows import Row


def film(title, released="", original=""):
    candidate = Candidate(id=title, title=title, released=released)
    return Offer(candidate, [title, original or title], [int(released[:4])] if released else [])


def record(title, artist, *released):
    candidate = Candidate(id=f"{artist} {title} {released}", title=title, artist=artist)
    return Offer(candidate, [title], [int(day[:4]) for day in released])


def movie(title, year=None):
    return Row(place="line 2", kind="movie", title=title, year=year)


def album(title, artist, year=None):
    return Row(place="line 2", kind="album", title=title, artist=artist, year=year)


@pytest.mark.parametrize(
    ("row", "offered", "winner"),
    [
        (movie("Heat", 1995), [film("Heat", "1995-12-15"), film("Heat and Dust", "1983-01-01")], "Heat"),
        # Case, accents, punctuation and & make no difference.
        (movie("amelie & i", 2001), [film("Amélie and I", "2001-04-25")], "Amélie and I"),
        # A festival a year before the release.
        (movie("The Hurt Locker", 2008), [film("The Hurt Locker", "2009-06-26")], "The Hurt Locker"),
        # The original title counts as well.
        (movie("Sen to Chihiro", 2001), [film("Spirited Away", "2001-07-20", "Sen to Chihiro")], "Spirited Away"),
        # If two have the same name, the year decides.
        (movie("Dune", 1984), [film("Dune", "2021-09-15"), film("dune", "1984-12-14")], "dune"),
        # A typing error, if nothing else is similar.
        (movie("The Godfahter", 1972), [film("The Godfather", "1972-03-14")], "The Godfather"),
        (
            album("OK Computer", "Radiohead"),
            [record("OK Computer", "Radiohead", "1997-06-16")],
            "Radiohead OK Computer ('1997-06-16',)",
        ),
        # One of its editions is of that year.
        (
            album("Blue", "Joni Mitchell", 1971),
            [record("Blue", "Joni Mitchell", "1999", "1971-06-22")],
            "Joni Mitchell Blue ('1999', '1971-06-22')",
        ),
        # Its date is unknown.
        (album("Blue", "Ada", 1971), [record("Blue", "Ada")], "Ada Blue ()"),
        # Guests are named in one place and not in the other.
        (album("Blue", "Ada"), [record("Blue", "Ada feat. Ben", "1999")], "Ada feat. Ben Blue ('1999',)"),
        *(
            (
                album("Nuggets", artist),
                [record("Nuggets", "Various Artists", "1972")],
                "Various Artists Nuggets ('1972',)",
            )
            for artist in ("VA", "V.A.", "various", "Various Artists")
        ),
        # If a band has two albums of the same name, the year decides.
        (
            album("Weezer", "Weezer", 2001),
            [record("Weezer", "Weezer", "1994-05-10"), record("Weezer", "Weezer", "2001-05-15")],
            "Weezer Weezer ('2001-05-15',)",
        ),
    ],
)
def test_what_is_clear(row, offered, winner):
    match = choose(row, offered)

    assert match.winner is not None, match.reason
    assert match.winner.id == winner


@pytest.mark.parametrize(
    ("row", "offered", "reason"),
    [
        (movie("Heat", 1995), [], "nothing was found"),
        # Two of the same name, and no year to decide.
        (movie("Dune"), [film("Dune", "2021-09-15"), film("Dune", "1984-12-14")], "2 go by that name"),
        # Two of one year.
        (movie("Crash", 2004), [film("Crash", "2004-09-10"), film("Crash", "2004-01-01")], "2 go by that name"),
        # The name is right, and the year is another film's.
        (movie("Solaris", 2002), [film("Solaris", "1972-03-20")], "nothing is similar enough"),
        # Only the letters are similar.
        (movie("Rocky II", 1979), [film("Rocky III", "1979-01-01")], "nothing is similar enough"),
        (movie("Alien 3", 1992), [film("Alien 4", "1992-01-01")], "nothing is similar enough"),
        (movie("Matrx", 1999), [film("Matrix", "1999-03-30"), film("Matrex", "1999-01-01")], "2 go by that name"),
        (movie("1917", 2019), [film("1918", "2019-01-01")], "nothing is similar enough"),
        # A word for another.
        (
            movie("Night of the Living Dead", 2015),
            [film("Night of the Living Deb", "2015-08-29")],
            "nothing is similar enough",
        ),
        (movie("Part Two: Revenge", 1985), [film("Part Three: Revenge", "1985-01-01")], "nothing is similar enough"),
        # A typing error, and no year to confirm the match.
        (movie("The Godfahter"), [film("The Godfather", "1972-03-14")], "nothing is similar enough"),
        # Two years apart, or without a date.
        (movie("Fight Club", 2001), [film("Fight Club", "1999-10-15")], "nothing is similar enough"),
        (movie("Fight Club", 2001), [film("Fight Club")], "nothing is similar enough"),
        # A band's album of that name, but of another year.
        (album("Weezer", "Weezer", 2019), [record("Weezer", "Weezer", "1994", "2003")], "nothing is similar enough"),
        # By another artist.
        (album("Blue", "Joni Mitchell"), [record("Blue", "LeAnn Rimes", "1996")], "nothing is similar enough"),
        # No artist is given.
        (album("Blue", ""), [record("Blue", "Joni Mitchell", "1971")], "nothing is similar enough"),
        (
            album("Weezer", "Weezer"),
            [record("Weezer", "Weezer", "1994-05-10"), record("Weezer", "Weezer", "2001-05-15")],
            "2 go by that name",
        ),
    ],
)
def test_what_a_person_has_to_decide(row, offered, reason):
    match = choose(row, offered)

    assert match.winner is None
    assert match.reason == reason
    assert len(match.candidates) == len(offered)


def test_candidates_are_the_best_five_best_first():
    offered = [film("Heat and Dust", "1983-01-01"), *(film(f"Heat {n}", "1995-01-01") for n in range(6))]

    match = choose(movie("Heat Q", 1995), offered)

    assert match.winner is None
    scores = [candidate.score for candidate in match.candidates]
    assert len(scores) == 5
    assert scores == sorted(scores, reverse=True)
    assert "Heat and Dust" not in [candidate.title for candidate in match.candidates]


def test_the_year_counts_more_than_a_word():
    offered = [film("The Matrix", "1999-03-30"), film("The Matrix Reloaded", "2003-05-15"), film("Heat", "2003-01-01")]

    match = choose(movie("Matrix", 2003), offered)

    assert match.winner is None
    assert [candidate.title for candidate in match.candidates] == ["The Matrix Reloaded", "The Matrix", "Heat"]


def test_a_title_without_letters_is_compared_by_its_signs():
    assert plain("!!!") == "!!!"
    assert choose(album("!!!", "!!!"), [record("!!!", "!!!", "2001")]).winner
    assert choose(album("???", "!!!"), [record("!!!", "!!!", "2001")]).winner is None
