"""Everything that we keep is what upstream said: payloads in the shapes of every era, read by our clients and, on their
own, by the plain functions below.

A recording is an answer as it came, invented in what it says; its name tells the quirk. `expect` holds what a reader of
the contract would say of it, so that a mistake shared by client and test shows; `raises` names the error of ours.
"""

import json
from dataclasses import asdict, is_dataclass
from datetime import date
from functools import partial
from itertools import takewhile
from pathlib import Path
from uuid import UUID

import pytest

from integrations import coverart, errors, musicbrainz, tmdb

HOSTS = {
    "tmdb": "https://api.themoviedb.org",
    "musicbrainz": "https://musicbrainz.org",
    "coverart": "https://coverartarchive.org",
}
UNOFFICIAL = {"Bootleg", "Pseudo-Release", "Withdrawn", "Cancelled"}
FOLDER = Path(__file__).parent / "recordings"
RECORDINGS = {
    str(file.relative_to(FOLDER).with_suffix("")): json.loads(file.read_text()) for file in FOLDER.rglob("*.json")
}
ANSWERS = sorted(name for name, recording in RECORDINGS.items() if "raises" not in recording)
FAILURES = sorted(RECORDINGS.keys() - ANSWERS)


@pytest.mark.parametrize("name", ANSWERS)
def test_each_field_is_what_the_payload_says(upstream, name):
    recording = RECORDINGS[name]
    serve(upstream, name, recording)
    ask, expected = question(recording)

    found = ask()

    assert differences(found, expected(recording["body"])) == []
    assert holds(recording["expect"], plain(found))


@pytest.mark.parametrize("name", FAILURES)
def test_each_failure_is_one_of_ours(upstream, name):
    recording = RECORDINGS[name]
    serve(upstream, name, recording)
    ask, _ = question(recording)

    with pytest.raises(getattr(errors, recording["raises"])):
        ask()


def test_a_field_without_an_expectation_is_a_difference():
    hit = tmdb.MovieHit.from_json({"id": 1, "title": "One"})
    known = expected_hit({"id": 1, "title": "One"})

    assert differences(hit, known) == []
    assert differences(hit, {name: value for name, value in known.items() if name != "overview"})
    assert differences(hit, known | {"overview": "Another."})
    assert differences(hit, known | {"gone": ""})


def serve(upstream, name, recording):
    body = recording["body"]
    content = {"body": body} if isinstance(body, str) else {"json": body}
    url = HOSTS[name.split("/")[0]] + recording["path"]
    upstream.get(url, status=recording["status"], headers=recording["headers"], **content)


def question(recording):
    """The call of our client that fetches the recording, and the expected result for its body, as `asdict` writes
    it."""
    query = recording["query"]
    match recording["path"].strip("/").split("/"):
        case ["3", "search", "movie"]:
            return partial(tmdb.search_movies, query["query"], page=int(query["page"])), expected_movie_page
        case ["3", "movie", number]:
            return partial(tmdb.fetch_movie, int(number)), expected_movie
        case ["3", "find", number]:
            return partial(tmdb.find_imdb, number), lambda body: body["movie_results"][0]["id"]
        case ["ws", "2", "release"] if "release-group" in query:
            return partial(musicbrainz.fetch_best_edition, UUID(query["release-group"])), expected_best_edition
        case ["ws", "2", "release"]:
            part = {"limit": int(query["limit"]), "offset": int(query["offset"])}
            return partial(musicbrainz.search_releases, query["query"], **part), expected_release_page
        case ["ws", "2", "release", number]:
            return partial(musicbrainz.fetch_release, UUID(number)), expected_release
        case ["ws", "2", "artist", number]:
            return partial(musicbrainz.fetch_artist, UUID(number)), expected_artist
        case [entity, number, "front-500"]:
            known = UUID(number)
            said = {307: True, 404: False}.get(recording["status"])
            return lambda: coverart.find_fronts([(entity, known)]).get(known), lambda _: said


def differences(found, expected):
    """The fields in which a dataclass differs from what is expected, except for the time of the answer."""
    if not is_dataclass(found):
        return [] if found == expected else [f"{found!r}, not {expected!r}"]
    said = {name: value for name, value in asdict(found).items() if name != "fetched_at"}
    return [
        f"{name}: {said.get(name, 'no such field')!r}, not {expected.get(name, 'known to this test')!r}"
        for name in sorted(said.keys() | expected.keys())
        if name not in said or name not in expected or said[name] != expected[name]
    ]


def plain(found):
    """As JSON has it: ids and dates are strings."""
    return json.loads(json.dumps(asdict(found) if is_dataclass(found) else found, default=str))


def holds(expect, found):
    """Whether everything expected is found; an object may have other keys as well."""
    if isinstance(expect, dict):
        return all(holds(value, found[name]) for name, value in expect.items())
    if isinstance(expect, list):
        return len(expect) == len(found) and all(map(holds, expect, found))
    return found == expect


def expected_movie_page(body):
    return {
        "page": body["page"],
        "total_pages": min(body["total_pages"], 500),  # TMDB's own limit
        "total_results": body["total_results"],
        "results": list({row["id"]: expected_hit(row) for row in body["results"]}.values()),
    }


def expected_hit(row):
    return {
        "tmdb_id": row["id"],
        "title": row["title"] or row["original_title"],
        "original_title": row.get("original_title") or "",
        "release_date": date.fromisoformat(row["release_date"]) if row.get("release_date") else None,
        "poster_path": row.get("poster_path") or "",
        "overview": row.get("overview") or "",
        "vote_average": row.get("vote_average") or 0,
    }


def expected_movie(body):
    people = body.get("credits") or {"cast": [], "crew": []}
    return expected_hit(body) | {
        "backdrop_path": body.get("backdrop_path") or "",
        "runtime": body.get("runtime") or None,
        "vote_count": body.get("vote_count") or 0,
        "tagline": body.get("tagline") or "",
        "status": body.get("status") or "",
        "imdb_id": body.get("imdb_id") or "",
        "original_language": body.get("original_language") or "",
        "overview_language": "en-US" if body.get("overview") else "",  # test_languages.py has the others
        "genres": [genre["name"] for genre in body.get("genres") or []],
        "cast": expected_cast(people["cast"], body["id"]),
        "crew": expected_crew(people["crew"], body["id"]),
    }


def expected_cast(rows, movie):
    cast = [
        expected_person(row)
        | {"credit_id": row.get("credit_id") or f"{movie}-{row['id']}-{place}"}  # 2013 had none
        | {"character": row["character"] or "", "department": "", "job": "", "order": row["order"]}
        for place, row in enumerate(rows)
    ]
    return sorted(cast, key=lambda part: part["order"])[:50]


def expected_crew(rows, movie):
    jobs = {}
    for place, row in enumerate(rows):
        if row["job"] in tmdb.KEY_JOBS:
            done = expected_person(row) | {
                "credit_id": row.get("credit_id") or f"{movie}-{row['id']}-{row['job']}",
                "character": "",
                "department": row["department"] or "",
                "job": row["job"],
                "order": place,
            }
            jobs.setdefault((row["id"], row["job"]), done)
    return list(jobs.values())


def expected_person(row):
    return {"person_id": row["id"], "name": row["name"], "profile_path": row["profile_path"] or ""}


def expected_release_page(body):
    hits = {}
    for row in body["releases"]:
        hits.setdefault(UUID(row["id"]), expected_edition(row) | {"score": int(row["score"])})
    results = sorted(hits.values(), key=lambda hit: hit["status"] in UNOFFICIAL)
    return {"count": body["count"], "offset": body["offset"], "results": results}


def expected_best_edition(body):
    """Official, or else not unofficial; of those with a front cover, or else all; of those the earliest."""

    def rank(row):
        status, is_covered = row.get("status"), row["cover-art-archive"]["front"]
        return status in UNOFFICIAL, status != "Official", not is_covered, [*known_parts(row.get("date")), "~"]

    return UUID(min(body["releases"], key=rank)["id"])


def expected_edition(row):
    group = row.get("release-group")
    return {
        "musicbrainz_id": UUID(row["id"]),
        "title": row["title"] or "[untitled]",
        "artist": "".join(credited(part) + part.get("joinphrase", "") for part in row.get("artist-credit", [])),
        "release_date": "-".join(known_parts(row.get("date"))),
        "country": row.get("country") or "",
        "release_group_id": UUID(group["id"]) if group else None,
        "status": row.get("status") or "",
    }


def expected_release(body):
    group = body.get("release-group") or {}
    return expected_edition(body) | {
        "primary_type": group.get("primary-type") or "",
        "genres": [genre["name"] for genre in body.get("genres") or group.get("genres") or []],
        "has_front": body.get("cover-art-archive", {}).get("front", False),
        "artists": [
            {
                "musicbrainz_id": UUID(part["artist"]["id"]),
                "name": credited(part),
                "artist_name": part["artist"]["name"],
                "sort_name": part["artist"]["sort-name"],
                "disambiguation": part["artist"].get("disambiguation") or "",
                "artist_type": part["artist"].get("type") or "",
                "join_phrase": part.get("joinphrase", ""),
            }
            for part in body.get("artist-credit", [])
        ],
    }


def expected_artist(body):
    life_span = body["life-span"] or {"begin": None, "end": None, "ended": None}
    addresses = [
        {"type": relation["type"], "url": relation["url"]["resource"]}
        for relation in body["relations"]
        if "url" in relation and not relation["ended"] and relation["url"]["resource"].startswith("http")
    ]
    by_votes = sorted(body.get("genres", []), key=lambda genre: genre["count"], reverse=True)
    return {
        "musicbrainz_id": UUID(body["id"]),
        "name": body["name"],
        "sort_name": body["sort-name"],
        "disambiguation": body["disambiguation"],
        "artist_type": body["type"] or "",
        "area": body["area"]["name"] if body["area"] else "",
        "country": body["country"] or "",
        "begin": "-".join(known_parts(life_span["begin"])),
        "end": "-".join(known_parts(life_span["end"])),
        "ended": life_span["ended"],
        "bio": unmarked(body["annotation"] or ""),
        "genres": [genre["name"] for genre in by_votes],
        "links": [address for place, address in enumerate(addresses) if address not in addresses[:place]],
    }


def unmarked(annotation):
    """Lines without quotation marks for bold and italic, without what makes headings, and with labels for links."""
    lines = annotation.replace("'''", "").replace("''", "").split("\r\n")
    plain, *linked = "\n".join(line.strip("= ") for line in lines).split("[")
    for piece in linked:
        inside, _, rest = piece.partition("]")
        _, bar, label = inside.rpartition("|")
        plain += (label if bar else f"[{inside}]") + rest
    return plain


def known_parts(written):
    """Year, month and day up to the first that is not known: 2008-??-02 is no more than 2008."""
    return list(takewhile(str.isdecimal, (written or "").split("-")))


def credited(part):
    return part.get("name") or part["artist"]["name"]  # hits of 2014 have no more
