import pytest
from django.contrib.auth import get_user_model

from integrations import musicbrainz, tmdb
from integrations.errors import IntegrationError
from integrations.status import check_upstreams, troubles
from tests import payloads
from tests.conftest import forget_sessions

MOVIE = f"{payloads.TMDB}/movie/120"


def ids():
    return {warning.id for warning in check_upstreams(None)}


@pytest.mark.parametrize(
    ("key", "name", "warnings"),
    [
        ("", "WrongOpinions/1.0", {"integrations.W001", "integrations.W002"}),
        ("key", "WrongOpinions/1.0 ( you@example.org )", set()),
    ],
)
def test_what_is_missing_is_a_warning_and_no_crash(settings, key, name, warnings):
    settings.TMDB_API_KEY, settings.MUSICBRAINZ_USER_AGENT = key, name

    assert ids() == warnings


@pytest.fixture
def refused(upstream):
    """TMDB has refused our key."""
    upstream.get(MOVIE, status=401)
    upstream.get(MOVIE, json=payloads.movie())
    with pytest.raises(IntegrationError):
        tmdb.fetch_movie(120)


def test_a_key_that_tmdb_refused_is_a_warning_until_it_works(refused):
    assert "integrations.W003" in ids()

    tmdb.fetch_movie(120)

    assert "integrations.W003" not in ids()


def test_a_new_key_is_not_blamed_for_the_old_one(refused, settings):
    settings.TMDB_API_KEY = "another"
    forget_sessions()

    assert "integrations.W003" not in ids()
    tmdb.fetch_movie(120)


def test_a_refused_key_is_in_no_file_and_logged_once(refused, settings, upstream, caplog):
    upstream.replace("GET", MOVIE, status=401)

    for _ in range(3):
        with pytest.raises(IntegrationError):
            tmdb.fetch_movie(120)

    assert not caplog.records
    for file in settings.CACHE_DIR.iterdir():
        assert settings.TMDB_API_KEY.encode() not in file.read_bytes()


def test_musicbrainz_refusing_our_name_is_a_warning(upstream):
    upstream.get(f"{payloads.MUSICBRAINZ}/release", status=403, body="blocked")
    with pytest.raises(IntegrationError):
        musicbrainz.search_releases("x")

    assert "integrations.W004" in ids()


def test_checks_make_no_file(settings):
    troubles()

    assert not settings.CACHE_DIR.exists()


def test_the_admin_shows_a_refused_key_and_an_upstream_that_does_not_answer(refused, upstream, client, db):
    upstream.get(f"{payloads.MUSICBRAINZ}/release", status=500)
    for number in range(3):
        with pytest.raises(IntegrationError):
            musicbrainz.search_releases(str(number))
    staff = get_user_model().objects.create_superuser("admin", "admin@example.org", "a-password")
    client.force_login(staff)

    page = client.get("/admin/").content.decode()

    assert "TMDB refuses the TMDB_API_KEY of this server (HTTP 401, " in page
    assert "MusicBrainz does not answer; the next request is sent in " in page
    client.logout()
    assert "TMDB" not in client.get("/admin/login/").content.decode()
    tmdb.fetch_movie(120)
