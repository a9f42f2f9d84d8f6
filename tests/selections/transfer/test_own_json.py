"""Our own JSON: each value has a type and a limit, and an error says where the value is."""

import copy
import re
import uuid
from contextlib import suppress

import hypothesis
import pytest
from hypothesis import strategies as st

from catalog.json_fields import InvalidValue
from selections.transfer import own_json

from .exports import changed, given, minimal

HUGE = 10**30
ARTIST = {"musicbrainz_id": str(uuid.UUID(int=7))}
PICK, OPINION, MOVIE = "weeks[0].movies[0]", "weeks[0].movies[0].opinions[0]", "catalog.movies[0]"


def refusal_of(data, *, is_trusted=True) -> InvalidValue:
    with pytest.raises(InvalidValue) as caught:
        own_json.read(data, is_trusted=is_trusted)
    return caught.value


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"weeks": []},
        minimal(format="trakt"),
        minimal(version=2),
        minimal(version="1"),
        minimal(weeks={}),
        minimal(weeks=[1]),
    ],
)
def test_what_is_not_an_export_is_refused_in_a_sentence(data):
    assert re.fullmatch(r"[\w.\[\]]*:? ?[A-Za-z].*\.", str(refusal_of(data, is_trusted=False)))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("weeks[0].year", 1899),
        ("weeks[0].week_number", 54),
        ("weeks[0].notes", "a\0b"),
        ("weeks[0].created_at", "2026-01-05 08:00"),
        ("weeks[0].updated_at", "0001-01-01T00:00:00+14:00"),
        (f"{PICK}.position", 3),
        (f"{PICK}.tmdb_id", HUGE),
        (f"{PICK}.added_at", 5),
        (f"{OPINION}.rating", 11),
        (f"{OPINION}.review", "\ud800"),
        (f"{OPINION}.own", None),
        (f"{PICK}.opinions[1].own", True),
        (f"{OPINION}.earlier_ratings[0].rating", 0),
        ("weeks[0].albums[0].musicbrainz_id", "x"),
        (f"{MOVIE}.title", ""),
        (f"{MOVIE}.imdb_id", "t" * 21),
        (f"{MOVIE}.vote_average", float("nan")),
        (f"{MOVIE}.runtime", True),
        (f"{MOVIE}.release_date", "1999-02-30"),
        (f"{MOVIE}.own_cover", "abc.jpg"),
        ("catalog.albums[0].release_date", "199"),
        ("catalog.albums[0].own_cover", "https://example.org/a.jpg"),
        ("catalog.albums[0].artist_credit", [{"artist": ARTIST}] * 10_001),
        ("user.time_zone", "Europe/Nowhere"),
        ("user.visibility", "all"),
    ],
)
def test_a_refusal_names_the_place(place, value):
    assert refusal_of(changed({place: value})).place == place


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"weeks[0].year": 2025, "weeks[0].week_number": 53}, "weeks[0].week_number"),  # 2026 has one, 2025 has none
        ({f"{MOVIE}.genres": [1]}, f"{MOVIE}.genres[0]"),
        ({f"{MOVIE}.cast": [{"credit_id": "a", "order": 0}]}, f"{MOVIE}.cast[0].person.tmdb_id"),
        ({"catalog.albums[0].aliases": ["x"]}, "catalog.albums[0].aliases[0]"),
        ({"opinions_given": [{"kind": "book"}]}, "opinions_given[0].kind"),
        # The same twice
        ({"weeks": minimal()["weeks"] * 2}, "weeks[1].week_number"),
        ({"weeks[0].movies": minimal()["weeks"][0]["movies"] * 2}, "weeks[0].movies[1].position"),
        ({"catalog.movies": minimal()["catalog"]["movies"] * 2}, "catalog.movies[1].tmdb_id"),
        ({"catalog.albums": minimal()["catalog"]["albums"] * 2}, "catalog.albums[1].musicbrainz_id"),
        ({f"{MOVIE}.aliases": [5, 5]}, f"{MOVIE}.aliases[1]"),
        ({"opinions_given": [given(), given()]}, "opinions_given[1]"),
    ],
)
def test_a_refusal_names_the_place_in_a_list(changes, place):
    assert refusal_of(changed(changes)).place == place


def test_only_the_operators_file_may_have_longer_texts_than_the_api_takes():
    data = changed({"weeks[0].notes": "x" * 10_001})

    assert str(refusal_of(data, is_trusted=False)) == "weeks[0].notes: Must have at most 10000 characters."
    assert len(own_json.read(data, is_trusted=True)["weeks"][0]["notes"]) == 10_001


@pytest.mark.parametrize("is_trusted", [True, False])
def test_the_latest_earlier_ratings_are_read_up_to_as_many_as_are_kept(is_trusted):
    earlier = [{"rating": 1 + n // 1000, "until_at": f"2026-01-07T09:00:00.{n:06}Z"} for n in reversed(range(1003))]

    saved = own_json.read(changed({f"{OPINION}.earlier_ratings": earlier}), is_trusted=is_trusted)

    (pick,) = saved["weeks"][0]["movies"]
    kept = [(said["rating"], said["until_at"].microsecond) for said in pick["opinion"]["earlier_ratings"]]
    assert (len(kept), kept[0], kept[-1]) == (1000, (1, 3), (2, 1002))


JUNK = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["\0", "\ud800", "2026-01-01T00:00:00", "9999-12-31T23:59:59-14:00", [], {}, [[]], [{}], HUGE, -1]
    )
    | st.lists(st.integers() | st.text(), max_size=3)
    | st.dictionaries(st.text(), st.integers(), max_size=2)
)


def places(value, path=()):
    """Each place in a file."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*path, key))


def spoil(data, path, value, *, is_left_out):
    """A copy with a value at a place, or without what is there."""
    spoiled = copy.deepcopy(data)
    inner = spoiled
    for part in path[:-1]:
        inner = inner[part]
    if is_left_out:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return spoiled


@hypothesis.given(st.sampled_from(list(places(minimal()))[1:]), JUNK, st.booleans(), st.booleans())
def test_any_value_is_read_or_refused(path, value, is_left_out, is_trusted):
    data = spoil(minimal(opinions_given=[given()]), path, value, is_left_out=is_left_out)

    with suppress(InvalidValue):
        own_json.read(data, is_trusted=is_trusted)
