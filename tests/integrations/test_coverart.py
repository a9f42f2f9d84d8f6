import re
import threading
from uuid import UUID

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from integrations import coverart
from tests import payloads
from tests.conftest import AGES, land

RELEASE = UUID(payloads.RELEASE)
FRONT = f"{payloads.COVERART}/release/{payloads.RELEASE}/front-500"


def has_front():
    """What the archive says, or None where it says nothing."""
    return coverart.find_fronts([("release", RELEASE)]).get(RELEASE)


@pytest.mark.parametrize(
    ("answer", "has"),
    [
        ({"status": 307, "headers": {"Location": "http://archive.org/download/x.jpg"}}, True),
        ({"status": 404, "body": "<!DOCTYPE HTML>"}, False),
    ],
)
def test_whether_there_is_a_front_is_asked_once(upstream, answer, has):
    upstream.get(FRONT, **answer)

    assert [has_front(), has_front()] == [has, has]
    assert len(upstream.calls) == 1


@pytest.mark.parametrize("status", [200, 204, 301, 400, 500, 503])
def test_anything_else_says_nothing(upstream, status):
    upstream.get(FRONT, status=status)
    upstream.get(FRONT, status=404)

    assert has_front() is None
    assert has_front() is False


@pytest.mark.parametrize(
    "location",
    [
        "https://archive.org/download/x/front.jpg",
        "http://archive.org/download/x/front.jpg",
        "https://ia800.us.archive.org/1/items/x/front.jpg",
        "/download/x/front.jpg",
    ],
)
def test_the_archive_redirects_to_its_own_servers(upstream, location):
    upstream.get(FRONT, status=307, headers={"Location": location})

    assert has_front() is True
    assert len(upstream.calls) == 1


@pytest.mark.parametrize("location", ["https://archive.org.example/x.jpg", "http://localhost:22/x", "//["])
def test_a_redirect_to_another_server_says_nothing_of_a_cover_and_is_not_kept(upstream, location):
    upstream.get(FRONT, status=307, headers={"Location": location})
    upstream.get(FRONT, status=404)

    assert has_front() is None
    assert has_front() is False


def test_addresses_are_the_archive_s_own_wherever_we_ask(settings):
    settings.COVERART_BASE_URL = "http://127.0.0.1:1"

    address = coverart.front_url("release-group", UUID(payloads.GROUP.upper()))

    assert address == f"https://coverartarchive.org/release-group/{payloads.GROUP}/front-500"


@pytest.fixture
def archive(settings):
    with HTTPServer(threaded=True) as server:
        settings.COVERART_BASE_URL = server.url_for("/caa")
        yield server


@pytest.mark.real_http
def test_covers_are_asked_for_in_parallel(archive):
    ids = [UUID(int=n) for n in range(1, 31)]
    all_are_here = threading.Barrier(25, timeout=AGES)

    def answer(request):
        number = UUID(request.path.split("/")[3]).int
        all_are_here.wait()
        return Response("See: …", 307, {"Location": "/x.jpg"}) if number % 2 else Response("none", 404)

    archive.expect_request(re.compile("/caa/release/.*/front-500")).respond_with_handler(answer)

    fronts = coverart.find_fronts(("release", release) for release in ids)

    assert fronts == {release: bool(release.int % 2) for release in ids[:25]}


@pytest.mark.real_http
def test_covers_are_not_waited_for_too_long_and_come_later(archive, monkeypatch):
    release = threading.Event()

    def answer(request):
        release.wait(AGES)
        return Response("See: …", 307, {"Location": "/x.jpg"})

    archive.expect_request(re.compile("/caa/release/.*/front-500")).respond_with_handler(answer)
    with monkeypatch.context() as patch:
        patch.setattr(coverart, "DEADLINE", 0.1)
        early = has_front()

    release.set()
    land()

    assert (early, has_front()) == (None, True)
    assert len(archive.log) == 1
