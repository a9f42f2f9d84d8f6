import contextlib
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from integrations import coverart, musicbrainz, tmdb
from integrations.admission import HostState
from integrations.errors import IntegrationError, NotFound
from integrations.status import Queue, UpstreamStatus, upstreams
from tests import payloads

MOVIE = f"{payloads.TMDB}/movie/120"
RELEASES = f"{payloads.MUSICBRAINZ}/release"


@pytest.fixture(autouse=True)
def contact(settings):
    settings.MUSICBRAINZ_USER_AGENT = "WrongOpinions/1.0 ( you@example.org )"


def status_of(service) -> UpstreamStatus:
    (found,) = upstreams([service])
    return found


def fail(times=3):
    for number in range(times):
        with pytest.raises(IntegrationError):
            musicbrainz.search_releases(f"number {number}")


def test_upstreams_without_requests_are_well_and_leave_no_file(db, settings):
    found = upstreams()

    assert [upstream.name for upstream in found] == ["TMDB", "MusicBrainz", "The Cover Art Archive"]
    assert all(upstream.is_well and upstream.answered_at is None for upstream in found)
    assert not settings.CACHE_DIR.exists()


@pytest.mark.parametrize("answer", [{"json": payloads.movie()}, {"status": 404, "json": payloads.UNKNOWN}])
def test_the_last_answer_is_known_also_that_there_is_no_such_thing(upstream, now, answer):
    upstream.get(MOVIE, **answer)

    with contextlib.suppress(NotFound):
        tmdb.fetch_movie(120)

    assert status_of("tmdb").answered_at == now


@pytest.mark.parametrize("answer", [{"status": 500}, {"status": 401}, {"body": "<html>"}, {"status": 404, "body": "?"}])
def test_what_is_no_answer_is_not_taken_for_one(upstream, answer):
    upstream.get(MOVIE, **answer)

    with pytest.raises(IntegrationError):
        tmdb.fetch_movie(120)

    assert status_of("tmdb").answered_at is None


def test_that_there_is_no_cover_is_an_answer(upstream, now):
    upstream.get(f"{payloads.COVERART}/release/{payloads.RELEASE}/front-500", status=404)

    coverart.find_fronts([("release", payloads.RELEASE)])

    assert status_of("coverart").answered_at == now


def test_the_last_answer_survives_a_start_of_the_machine(settings):
    state = HostState("tmdb")
    with state.change() as values:
        values |= {"answered_at": 1_767_225_600, "open_until": 5, "failures": 3}
    state.boot = "another"

    assert state.peek() == {"answered_at": 1_767_225_600, "boot": "another"}
    assert status_of("tmdb").answered_at == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("nonsense", ["yesterday", None, [], 10**30, -(10**30), True])
def test_a_damaged_time_of_the_last_answer_is_ignored(settings, nonsense):
    with tmdb.upstream.state.change() as values:
        values["answered_at"] = nonsense

    assert status_of("tmdb").answered_at is None


def test_a_failing_upstream_is_down_until_the_next_request(db, upstream, settings):
    upstream.get(RELEASES, status=500)
    fail()

    found = status_of("musicbrainz")

    assert (found.is_down, found.is_well) == (True, False)
    assert 0 < (found.asked_again_at - timezone.now()).total_seconds() <= settings.UPSTREAM_COOLDOWN


def test_an_upstream_that_told_us_to_wait_is_not_down(db, upstream):
    upstream.get(RELEASES, status=503, headers={"Retry-After": "120"})
    fail(1)

    found = status_of("musicbrainz")

    assert (found.is_down, found.is_well) == (False, False)
    assert 100 < (found.asked_again_at - timezone.now()).total_seconds() <= 121


def test_settings_to_check_are_shown_where_they_belong(db, upstream, settings):
    upstream.get(RELEASES, status=403)
    fail(1)
    settings.TMDB_API_KEY = ""

    missing, refused, fine = upstreams()

    assert [trouble.split(":")[0] for trouble in missing.troubles] == ["TMDB_API_KEY is not set"]
    assert "refuses the MUSICBRAINZ_USER_AGENT" in refused.troubles[0]
    assert fine.troubles == []
    assert missing.queue is None


@pytest.mark.parametrize("reserved", [0, 1, 2, 5])
def test_the_queue_is_the_reserved_slots_that_have_not_begun(transactional_db, settings, reserved):
    settings.MUSICBRAINZ_INTERVAL = 60
    for _ in range(reserved):
        musicbrainz.upstream.admission.reserve(max_wait=3000)

    queue = status_of("musicbrainz").queue

    assert queue.waiting == max(0, reserved - 1)
    assert 60 * reserved - 5 <= queue.seconds <= 60 * reserved + 0.1


def test_looking_at_the_queue_reserves_nothing(transactional_db, settings):
    settings.MUSICBRAINZ_INTERVAL = 60

    assert [status_of("musicbrainz").queue for _ in range(3)] == [Queue(waiting=0, seconds=0)] * 3


def test_an_upstream_without_slots_has_no_queue(db):
    assert status_of("coverart").queue is None
    assert status_of("musicbrainz").queue is None  # tests ask without an interval
