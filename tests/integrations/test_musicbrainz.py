import time
from uuid import UUID

import pytest

from integrations import musicbrainz
from integrations.errors import Unavailable
from integrations.values import partial_date
from tests import payloads

RELEASE = UUID(payloads.RELEASE)
ARTIST = UUID(payloads.ARTIST)
LOOKUP = f"{payloads.MUSICBRAINZ}/release/{payloads.RELEASE}"
SEARCH = f"{payloads.MUSICBRAINZ}/release"


def test_a_lookup_is_one_request_that_names_us(musicbrainz_release, upstream):
    musicbrainz_release()

    musicbrainz.fetch_release(RELEASE)

    (call,) = upstream.calls
    assert call.request.params == {"inc": "artist-credits release-groups genres", "fmt": "json"}
    assert call.request.headers["User-Agent"].startswith("WrongOpinions/")


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"artist-credit": []}, "artist", ""),
        ({"artist-credit": [{"artist": {"name": "Of 2014"}}]}, "artist", "Of 2014"),
        ({"cover-art-archive": None}, "has_front", False),
        ({"genres": None, "release-group": None}, "genres", []),
    ],
)
def test_odd_values_are_read_as_unknown(musicbrainz_release, changes, field, value):
    musicbrainz_release(**changes)

    assert getattr(musicbrainz.fetch_release(RELEASE), field) == value


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2016-10-21", "2016-10-21"),
        ("2016-10", "2016-10"),
        ("2016", "2016"),
        ("2008-??-02", "2008"),
        ("2008-05-??", "2008-05"),
        ("????-04-28", ""),
        ("2016-13-01", "2016"),
        ("2016-02-30", "2016-02"),
        ("0000", ""),
        ("", ""),
        (None, ""),
        (2016, ""),
    ],
)
def test_dates_are_as_precise_as_they_are_known(written, read):
    assert partial_date(written) == read


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ("Abbey Road", "(release:abbey OR artist:abbey) AND (release:road OR artist:road)"),
        ("AC/DC", r"(release:ac\/dc OR artist:ac\/dc)"),
        (
            "Mission: Impossible",
            r"(release:mission\: OR artist:mission\:) AND (release:impossible OR artist:impossible)",
        ),
        ("this OR that", None),
        ("?", r'"\?"'),
        ('"', r'"\""'),
        ('12" mix', r"(release:12\" OR artist:12\") AND (release:mix OR artist:mix)"),
        ("a & b", "(release:a OR artist:a) AND (release:b OR artist:b)"),
        ("(what's the story)", None),
    ],
)
def test_lucene_takes_no_word_for_syntax(words, query):
    made = musicbrainz.lucene(words)

    if query:
        assert made == query
    assert " OR artist:or)" in made or "or" not in words.lower().split()


def hits(*numbers):
    """A page with releases of these numbers."""
    return payloads.release_page(*(payloads.release_hit(id=f"00000000-0000-4000-8000-{n:012}") for n in numbers))


def ids(**page):
    """The numbers of the releases that a search shows."""
    return [hit.musicbrainz_id.int & 0xF for hit in musicbrainz.search_releases("x", **page).results]


def test_no_release_comes_twice_across_the_pages_of_one_query(upstream):
    upstream.get(SEARCH, json=hits(1, 2))
    upstream.get(SEARCH, json=hits(2, 3))

    for _ in range(2):
        assert [ids(limit=2, offset=0), ids(limit=2, offset=2)] == [[1, 2], [3]]

    assert len(upstream.calls) == 2


def test_pages_of_another_size_or_after_a_gap_repeat_nothing_either(upstream):
    for page in (hits(1, 2, 3), hits(2, 4), hits(3, 4, 5)):
        upstream.get(SEARCH, json=page)

    assert [ids(limit=3, offset=0), ids(limit=2, offset=9), ids(limit=3, offset=3)] == [[1, 2, 3], [4], [5]]


def test_hits_that_move_within_a_page_stay(upstream):
    upstream.get(SEARCH, json=hits(1, 2, 3, 4, 5))
    upstream.get(SEARCH, json=hits(9, 1, 2, 3, 4, 5))

    assert [ids(limit=5), ids(limit=6)] == [[1, 2, 3, 4, 5], [9, 1, 2, 3, 4, 5]]


def test_what_was_shown_is_forgotten_with_the_cache(upstream, time_machine):
    time_machine.move_to("2026-02-01T00:00:00Z", tick=False)
    upstream.get(SEARCH, json=payloads.release_page(payloads.release_hit()))
    musicbrainz.search_releases("x", offset=0)
    time_machine.move_to("2026-02-01T06:00:01Z", tick=False)

    assert len(musicbrainz.search_releases("x", offset=25).results) == 1


@pytest.mark.parametrize("query", ["Guns N' Roses", "x'or'1", 'say "it"; --', "%", "日本"])
def test_what_was_shown_is_remembered_for_any_query(upstream, query):
    upstream.get(SEARCH, json=payloads.release_page(payloads.release_hit()))

    assert len(musicbrainz.search_releases("another query").results) == 1
    assert len(musicbrainz.search_releases(query, offset=0).results) == 1
    assert len(musicbrainz.search_releases(query, offset=25).results) == 0


def test_shed_searches_leave_lookups_alone(upstream, musicbrainz_release):
    busy = {"error": "The MusicBrainz web server is currently busy. Please try again later."}
    upstream.get(SEARCH, status=503, json=busy, headers={"Retry-After": "0", "X-RateLimit-Who": "search-shed"})
    musicbrainz_release()

    with pytest.raises(Unavailable) as shed:
        musicbrainz.search_releases("x")

    assert (shed.value.status, shed.value.retry_after) == (503, None)
    assert musicbrainz.fetch_release(RELEASE).musicbrainz_id == RELEASE


# Artists


def test_a_lookup_of_an_artist_is_one_request(musicbrainz_artist, upstream):
    musicbrainz_artist()

    for _ in range(2):
        musicbrainz.fetch_artist(ARTIST)

    (call,) = upstream.calls
    assert call.request.params == {"inc": "annotation url-rels genres", "fmt": "json"}


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"name": None}, "name", "[unknown]"),
        ({"sort-name": None}, "sort_name", ""),
        ({"area": {"name": None}}, "area", ""),
        ({"life-span": {"ended": None}}, "ended", None),
        ({"life-span": {"ended": "false"}}, "ended", None),
        ({"life-span": {"ended": False, "begin": "1960-??-02"}}, "ended", False),
        ({"life-span": {"ended": False, "begin": "1960-??-02"}}, "begin", "1960"),
        ({"life-span": {"ended": True, "end": None}}, "end", ""),
        ({"life-span": {"ended": True, "end": "????-04-28"}}, "ended", True),
        ({"life-span": {"end": "1970"}}, "ended", True),
        ({"annotation": None}, "bio", ""),
        ({"annotation": "a\0b"}, "bio", "ab"),
        ({"annotation": 5}, "bio", ""),
        ({"genres": None}, "genres", []),
        ({"genres": [None, {"name": ""}, {"name": "folk"}]}, "genres", ["folk"]),
        ({"relations": None}, "links", []),
        ({"relations": [None, {"type": "member of band", "artist": {}}, {"type": "x", "url": None}]}, "links", []),
    ],
)
def test_odd_values_of_artists_are_read_as_unknown(musicbrainz_artist, changes, field, value):
    musicbrainz_artist(**changes)

    assert getattr(musicbrainz.fetch_artist(ARTIST), field) == value


def test_links_are_addresses_that_still_hold_each_once_and_in_order(musicbrainz_artist):
    musicbrainz_artist(
        relations=[
            payloads.link("wikidata", "https://wikidata.example.org/Q1"),
            payloads.link("BBC Music page", "https://bbc.example.org/", ended=True, end="2020-11-19"),
            payloads.link("bandcamp", "HTTP://band.example.org/"),
            payloads.link("bandcamp", "javascript:alert(1)"),
            payloads.link("bandcamp", "ftp://band.example.org/"),
            payloads.link("bandcamp", "https://band example.org/"),
            payloads.link("bandcamp", "//band.example.org/"),
            payloads.link("wikidata", "https://wikidata.example.org/Q1"),
            payloads.link("", "https://nobody.example.org/"),
            payloads.link("other databases", "https://wikidata.example.org/Q1"),
        ]
    )

    links = musicbrainz.fetch_artist(ARTIST).links

    assert [(link.type, link.url) for link in links] == [
        ("wikidata", "https://wikidata.example.org/Q1"),
        ("bandcamp", "HTTP://band.example.org/"),
        ("other databases", "https://wikidata.example.org/Q1"),
    ]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Plain, it's plain.", "Plain, it's plain."),
        ("'''Bold''', ''italic'', '''''both'''''", "Bold, italic, both"),
        ("See [https://example.org/a?b=c|the page], [artist:5b11f4ce|them].", "See the page, them."),
        ("[https://example.org/] and [sic] stay", "[https://example.org/] and [sic] stay"),
        ("== History ==\r\nFounded.\r\n\r\n=Today=\r\n1 + 1 = 2", "History\nFounded.\n\nToday\n1 + 1 = 2"),
        ("&#91;sic&#93; &amp; so on", "[sic] & so on"),
        ("  \n", ""),
    ],
)
def test_annotations_lose_their_markup(written, read):
    assert musicbrainz.without_markup(written) == read


@pytest.mark.parametrize("sign", ["[", "=", "'", "[a|", "= ", "[a", "a|", "&#91", "\n="])
def test_no_annotation_takes_long_to_read(sign):
    begin = time.thread_time()

    musicbrainz.without_markup(sign * 200_000)

    assert time.thread_time() - begin < 20  # seconds of work, of which it takes some 0.1; minutes if by the square
