import itertools
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse

from catalog.models import Album, Movie
from selections.insights import dashboard
from selections.kinds import ALBUM, MOVIE
from selections.models import ImportedRow, Week, WeekMovie
from tests.admin.staff import client_of, client_with
from tests.factories import (
    AlbumFactory,
    AlbumOpinionFactory,
    MovieFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

THIS_WEEK = {"year": 2026, "week_number": 7}  # as `now` says
LAST_WEEK = {"year": 2026, "week_number": 6}


@pytest.fixture
def chief(db):
    return UserFactory(username="chief", is_staff=True, is_superuser=True)


@pytest.fixture
def admin(chief, now):
    return client_of(chief)


@pytest.fixture
def staff_with(db, now):
    """Returns clients of staff with these permissions only."""
    return client_with


def overview(client):
    response = client.get("/admin/")
    assert response.status_code == 200
    return response.context["overview"]


def attention(client):
    return {item.words: (item.count, address) for item, address in overview(client)["attention"]}


def row(user, **values):
    return ImportedRow.objects.create(
        **{"user": user, "fingerprint": ImportedRow.objects.count(), "kind": "movie", "state": "review", "reason": "x"}
        | values
    )


def test_this_weeks_picks_of_all_members_are_shown_person_by_person(admin):
    ben, ada = UserFactory(username="ben", visibility="private"), UserFactory(username="ada", display_name="Ada L.")
    bens, adas = WeekFactory(user=ben, **THIS_WEEK), WeekFactory(user=ada, **THIS_WEEK)
    WeekMovieFactory(week=bens, movie__title="Alien", movie__poster_path="/alien.jpg")
    WeekAlbumFactory(week=adas, album__title="Blue", album__artist="Joni", album__cover_art_url="https://archive.org/b")
    WeekMovieFactory(week=adas, movie__title="Dune")
    WeekMovieFactory(week=WeekFactory(**LAST_WEEK), movie__title="Gone")

    page = admin.get("/admin/")

    week = page.context["overview"]["week"]
    assert [(card["title"], card["kind"], card["address"]) for card in week["cards"]] == [
        ("Dune", "movie", f"/admin/selections/week/{adas.pk}/change/"),
        ("Blue", "album", f"/admin/selections/week/{adas.pk}/change/"),
        ("Alien", "movie", f"/admin/selections/week/{bens.pk}/change/"),
    ]
    text = page.content.decode()
    assert "This week: 2026-W07" in text
    assert "/w154/alien.jpg" in text
    assert "https://archive.org/b" in text
    assert "Ada L." in text
    assert text.count("<em>private</em>") == 1
    assert "Gone" not in text


def test_the_week_is_that_of_the_users_time_zone(chief, time_machine):
    time_machine.move_to(datetime(2026, 2, 8, 23, tzinfo=UTC), tick=False)  # a Sunday
    utc = overview(client_of(chief))["week"]["name"]
    chief.time_zone = "Asia/Tokyo"
    chief.save()

    assert (utc, overview(client_of(chief))["week"]["name"]) == ("2026-W06", "2026-W07")


def test_a_week_of_many_says_how_many_more_there_are(admin):
    WeekFactory(**LAST_WEEK)
    for n in range(15):
        week = WeekFactory(user=UserFactory(username=f"person-{n:02}"), **THIS_WEEK)
        added = datetime(2026, 2, 9, n, tzinfo=UTC)
        WeekMovieFactory(week=week, added_at=added)
        WeekAlbumFactory(week=week, added_at=added)

    page = admin.get("/admin/")

    week = page.context["overview"]["week"]
    assert (len(week["cards"]), week["more"]) == (24, 6)
    assert week["cards"][0]["week"].user.username == "person-03"  # the first three are the oldest
    assert "6 more picks" in page.content.decode()
    assert admin.get(week["list"]).context["cl"].result_count == 15


def test_an_empty_week_invites(admin, chief):
    invited = overview(admin)["week"]["first"]
    form = admin.get(invited).context["adminform"].form
    own = WeekFactory(user=chief, **THIS_WEEK)

    assert {name: form.initial[name] for name in ("year", "week_number", "user")} == {
        "year": "2026",
        "week_number": "7",
        "user": str(chief.pk),
    }
    assert overview(admin)["week"]["first"] == f"/admin/selections/week/{own.pk}/change/"


def test_staff_who_may_only_view_are_not_invited_to_pick(staff_with):
    page = staff_with("view_week", "view_weekmovie", "view_weekalbum").get("/admin/")

    assert "There are no picks for this week yet." in page.content.decode()
    assert page.context["overview"]["week"]["first"] == ""


def test_picks_are_counted_by_their_weeks(db):
    for number, movies, albums in ((6, 1, 2), (7, 2, 0), (8, 1, 1)):
        week = WeekFactory(year=2026, week_number=number)
        for position in range(movies):
            WeekMovieFactory(week=week, position=position + 1)
        for position in range(albums):
            WeekAlbumFactory(week=week, position=position + 1)
    WeekMovieFactory(week=WeekFactory(**LAST_WEEK))
    WeekMovieFactory(week=WeekFactory(year=2024, week_number=6))

    counted = dashboard.picks_by_week((2026, 7))

    assert next(iter(counted)) == (2024, 7)
    assert list(counted)[-1] == (2026, 7)
    assert len(counted) == 105
    assert {week: of for week, of in counted.items() if any(of.values())} == {
        (2026, 6): {"movie": 2, "album": 2},
        (2026, 7): {"movie": 2, "album": 0},
    }


def test_the_chart_of_picks_begins_with_the_first_ones_but_shows_a_year(admin, now):
    def shown():
        return admin.get("/admin/").content.decode()

    WeekMovieFactory(week=WeekFactory(year=2026, week_number=6))
    assert "From 2025-W07 to 2026-W07: 1 movie above the line, 0 albums below it." in shown()
    cache.clear()
    WeekAlbumFactory(week=WeekFactory(year=2024, week_number=20))
    assert "From 2024-W20 to 2026-W07: 1 movie above the line, 1 album below it." in shown()


def test_ratings_of_all_members_are_counted(user):
    MovieOpinionFactory(rating=10)
    MovieOpinionFactory(rating=None, review="Long.")
    AlbumOpinionFactory(rating=10)
    AlbumOpinionFactory(rating=1, user__visibility="private")

    assert dashboard.ratings(user) == [1, 0, 0, 0, 0, 0, 0, 0, 0, 2]


def test_genres_count_picks_and_not_works(db):
    dune = MovieFactory(genres=["Drama", "War", "War"])
    MovieFactory(genres=["Western"])  # never picked
    for _ in range(2):
        WeekMovieFactory(movie=dune)
    WeekMovieFactory(movie=MovieFactory(genres=["Drama"]))
    WeekAlbumFactory(album=AlbumFactory(genres=["jazz"]))

    assert dashboard.top_genres(MOVIE) == [("Drama", 3), ("War", 2)]
    assert dashboard.top_genres(ALBUM) == [("jazz", 1)]


def test_charts_say_what_they_show_in_words_and_as_a_table(admin):
    week = WeekFactory(**LAST_WEEK)
    MovieOpinionFactory(movie_pick=WeekMovieFactory(week=week, movie__genres=["Drama"]), rating=7)
    WeekAlbumFactory(week=week, album__genres=["<jazz>"])

    text = admin.get("/admin/").content.decode()

    assert text.count('<svg role="img"') == 4
    for name in ("weeks", "ratings", "movie-genres", "album-genres"):
        assert f'aria-labelledby="{name}-title {name}-words"' in text
        assert f'<desc id="{name}-words">' in text
    assert "<title>2026-W06: 1 movie, 1 album</title>" in text
    assert '<th scope="row">2026-W06</th><td>1</td><td>1</td>' in text
    assert "1 rating in half stars, 7.0 of 10 on average." in text
    assert "&lt;jazz&gt;: 1" in text
    assert "<jazz>" not in text


def test_without_data_charts_are_replaced_by_sentences(admin):
    text = admin.get("/admin/").content.decode()

    assert '<svg role="img"' not in text
    for sentence in (
        "There are no picks in the last two years.",
        "There are no ratings yet.",
        "No movie with a known genre has been picked yet.",
        "No album with a known genre has been picked yet.",
        "Nothing needs attention.",
    ):
        assert sentence in text


def test_each_item_that_needs_attention_links_to_the_list_of_its_rows(admin, chief, now):
    old = now - timedelta(days=171)
    expected = {
        "Imported rows to decide": [row(chief).pk],
        "Past weeks with only movies or only albums": [
            WeekMovieFactory(week__year=2026, week__week_number=6).week_id,
            WeekAlbumFactory(week__year=2025, week__week_number=50, album__cover_art_url="https://x.org").week_id,
        ],
        "Movies with texts older than TMDB's terms allow": [MovieFactory(fetched_at=old, overview="Sand.").pk],
        "Movies never fetched in full": [MovieFactory(fetched_at=None).pk],
        "Movies no longer on TMDB": [MovieFactory(vanished_at=now).pk],
        "Albums without a cover": [AlbumFactory(cover_art_url="").pk],
        "Albums without a release group": [AlbumFactory(release_group_id=None, cover_art_url="https://x.org").pk],
        "Albums never fetched in full": [AlbumFactory(fetched_at=None, cover_art_url="https://x.org").pk],
        "Albums no longer on MusicBrainz": [AlbumFactory(vanished_at=now, cover_art_url="https://x.org").pk],
    }
    row(chief, state="skipped")
    row(chief, state="done")
    MovieFactory(fetched_at=old)  # its texts have gone
    MovieFactory(fetched_at=now, overview="Sand.")
    WeekMovieFactory(week=WeekFactory(**THIS_WEEK))  # still running
    WeekMovieFactory(week__year=2026, week__week_number=8)
    WeekFactory(**LAST_WEEK)  # empty
    full = WeekFactory(**LAST_WEEK)
    WeekMovieFactory(week=full)
    WeekAlbumFactory(week=full, album__cover_art_url="https://x.org")

    found = attention(admin)

    assert {words: count for words, (count, _) in found.items()} == {words: len(pks) for words, pks in expected.items()}
    for words, (_, address) in found.items():
        listed = admin.get(address)
        assert listed.status_code == 200, words
        assert sorted(shown.pk for shown in listed.context["cl"].result_list) == sorted(expected[words]), words


def test_a_part_is_shown_to_users_who_may_view_everything_in_it(staff_with):
    def parts(*codenames):
        found = overview(staff_with(*codenames))
        return (
            "week" in found,
            [figure.name for figure in found["figures"]],
            "attention" in found,
            [upstream.service for upstream in found["upstreams"]],
        )

    picks = ["view_weekmovie", "view_weekalbum"]
    assert parts() == (False, [], False, [])
    assert parts("view_week", "view_weekmovie") == (False, [], True, [])
    assert parts("change_week", *picks) == (True, ["weeks"], True, [])
    assert parts("view_opinion") == (False, ["ratings"], False, [])
    assert parts("view_movie", "view_weekmovie") == (False, ["movie-genres"], True, ["tmdb"])
    assert parts("view_album", "view_weekalbum") == (False, ["album-genres"], True, ["musicbrainz", "coverart"])


def test_items_are_shown_to_staff_who_may_view_their_rows(staff_with, user):
    row(user)
    MovieFactory(fetched_at=None)
    AlbumFactory(fetched_at=None)

    assert set(attention(staff_with("view_movie"))) == {"Movies never fetched in full"}
    assert set(attention(staff_with("view_importedrow"))) == {"Imported rows to decide"}


def test_only_the_first_page_has_the_overview(admin):
    page = admin.get("/admin/catalog/")

    assert page.status_code == 200
    assert b'class="overview"' not in page.content


def test_the_lists_stay_where_they_were(admin):
    text = admin.get("/admin/").content.decode()

    assert "Recent actions" in text
    assert "Skip to main content" in text
    for address in ("/admin/catalog/movie/", "/admin/selections/week/", "/admin/accounts/user/"):
        assert f'href="{address}"' in text


def test_upstreams_are_described(admin, settings):
    settings.TMDB_API_KEY = ""

    text = admin.get("/admin/").content.decode()

    upstreams = text[text.index('id="upstreams"') :]
    assert "check the settings" in upstreams
    assert upstreams.index("TMDB_API_KEY is not set") < upstreams.index("MusicBrainz")
    assert "none so far" in upstreams


def fill(count):
    for _ in range(count):
        week = WeekFactory(user=UserFactory(), **THIS_WEEK)
        MovieOpinionFactory(movie_pick=WeekMovieFactory(week=week, movie=MovieFactory(genres=["Drama"])))
        WeekAlbumFactory(week=week, album=AlbumFactory(genres=["jazz"], release_group_id=None, cover_art_url=""))
        WeekMovieFactory(week=WeekFactory(**LAST_WEEK), movie=MovieFactory(fetched_at=None))
        row(week.user)


def test_the_page_costs_the_same_queries_however_much_there_is(admin, django_assert_max_num_queries):
    fill(1)
    with django_assert_max_num_queries(30) as few:
        admin.get("/admin/")
    fill(24)

    with django_assert_max_num_queries(len(few.captured_queries)):
        page = admin.get("/admin/")

    assert len(page.context["overview"]["week"]["cards"]) == 24
    assert WeekMovie.objects.count() == 50


def test_figures_are_kept_in_proportion_to_the_time_that_they_took(settings, time_machine):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    time_machine.move_to("2026-02-10T00:00:00Z", tick=False)
    figures = iter([1, 2])

    assert [dashboard.remember("x", lambda: next(figures)) for _ in range(2)] == [1, 1]
    time_machine.move_to("2026-02-11T00:00:00Z", tick=False)
    assert dashboard.remember("x", lambda: next(figures)) == 2


def test_the_page_has_neither_inline_styles_nor_scripts(admin):
    fill(2)

    text = admin.get("/admin/").content.decode()

    assert not re.search(r'\sstyle="|\son\w+="|<style|<script(?![^>]*\ssrc=)', text)
    headings = [int(level) for level in re.findall(r"<h([1-6])", text)]
    assert headings[0] == 1
    assert all(later <= sooner + 1 for sooner, later in itertools.pairwise(headings))
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_odd_rows_break_nothing(admin):
    week = WeekFactory(user=UserFactory(display_name="<b>" + "x" * 90), **THIS_WEEK)
    WeekMovieFactory(week=week, movie=MovieFactory(title="<script>" + "y" * 3000, genres=["z" * 300]))
    WeekAlbumFactory(week=week, album=AlbumFactory(title="\u202e?", artist=""))

    text = admin.get("/admin/").content.decode()

    assert "<script>y" not in text
    assert "<b>x" not in text
    assert Movie.objects.count() == Album.objects.count() == Week.objects.count() == 1


def test_a_round_shows_all_members_side_by_side(db, now):
    for name, visibility in (("ben", "members"), ("ada", "private")):
        WeekMovieFactory(
            week=WeekFactory(user=UserFactory(username=name, visibility=visibility), year=2026, week_number=7)
        )
    client = client_with("view_week", "view_weekmovie", "view_weekalbum")
    link = reverse("admin:round")
    assert f'href="{link}"' in client.get("/admin/").content.decode()

    this, last = (client.get(link, query) for query in ({}, {"week": "2026-W06"}))

    assert [week.user.username for week, cards in this.context["weeks"] if len(cards) == 1] == ["ada", "ben"]
    assert "There are no weeks of 2026-W06 yet." in last.content.decode()
    assert client.get(link, {"week": "2026-W60"}).url == link
    assert client_with("view_week").get(link).status_code == 403
