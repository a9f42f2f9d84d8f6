"""What the settings refuse, and what HTTPS switches."""

import re
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from tests.commands import manage

pytestmark = pytest.mark.real_http


@pytest.mark.filterwarnings("ignore:Engine not recognized")  # environ's own words, before it goes on
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
        ({"MUSICBRAINZ_INTERVAL": "0.5"}, "musicbrainz.org allows one request a second"),
        ({"MUSICBRAINZ_INTERVAL": "0.5", "MUSICBRAINZ_BASE_URL": "https://beta.musicbrainz.org/ws/2"}, "a second"),
        ({"MUSICBRAINZ_INTERVAL": "-1"}, "MUSICBRAINZ_INTERVAL must be"),
        ({"MUSICBRAINZ_INTERVAL": "nan"}, "MUSICBRAINZ_INTERVAL must be"),
        ({"MUSICBRAINZ_MAX_WAIT": "ten"}, "MUSICBRAINZ_MAX_WAIT must be"),
        ({"LOGIN_RATE": "many"}, "LOGIN_RATE must be a rate"),
        ({"LOGIN_RATE": "0/min"}, "LOGIN_RATE must be a rate"),
        ({"TMDB_BASE_URL": "ftp://example.org"}, "TMDB_BASE_URL must be an http"),
        ({"WEB_THREADS": "2"}, "WEB_THREADS must be"),
        ({"HTTPS": "true  # behind Caddy"}, "HTTPS must be true or false"),
        ({"DEBUG": "tru"}, "DEBUG must be true or false"),
        ({"WEB_THREADS": ""}, "WEB_THREADS must be"),
        ({"DATABASE_URL": "nowhere"}, "DATABASE_URL must be an address"),
        ({"DATABASE_URL": ""}, "DATABASE_URL must be an address"),
        ({"EMAIL_URL": "filemail:///tmp/mail"}, "EMAIL_URL must be an address"),
        ({"EMAIL_URL": "nowhere"}, "EMAIL_URL must be an address"),
        ({"EMAIL_URL": "smtp+tls://user:pass#word@host:587"}, "where %40 is @"),
        ({"TMDB_BASE_URL": "http://[::1"}, "TMDB_BASE_URL must be an http"),
        ({"APP_URL": "https://app.example.org:port"}, "APP_URL must be an http"),
        ({"SITE_URL": "https://example.org?page=1"}, "SITE_URL must not have a path other than ROOT_PATH"),
        ({"RESET_RATE": "5/month"}, "RESET_RATE must be a rate"),
        ({"TMDB_REGION": "de"}, "TMDB_REGION must be a country"),
        ({"TMDB_API_KEY": "a key–copied"}, "TMDB_API_KEY must consist of ASCII"),
        ({"MUSICBRAINZ_USER_AGENT": "Opinions – Müller ( you@example.org )"}, "MUSICBRAINZ_USER_AGENT must consist"),
        ({"SITE_URL": "opinions.example.org"}, "SITE_URL must be an http"),
        ({"SITE_URL": "https://example.org/opinions"}, "SITE_URL must not have a path other than ROOT_PATH"),
        ({"ROOT_PATH": "opinions"}, "ROOT_PATH must be a path"),
        ({"PASSWORD_RESET_URL": "https://app.example.org/{uid}"}, "PASSWORD_RESET_URL must contain"),
        ({"PASSWORD_RESET_URL": "https://app.example.org/{uid}/{token}/{x}"}, "PASSWORD_RESET_URL must contain"),
        ({"RESET_RATE": "5/fortnight"}, "RESET_RATE must be a rate"),
        ({"FRONTEND_DIR": "docs"}, "FRONTEND_DIR must be"),
        ({"APP_URL": "app.example.org"}, "APP_URL must be an http"),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT must be"),
        ({"METRICS_FOR": "10.0.0.7/8"}, "METRICS_FOR must be"),
        ({"TMDB_LANGUAGE": "de-DE,german"}, "TMDB_LANGUAGE must be languages"),
        ({"JWT_ACCESS_TOKEN_EXPIRE_MINUTES": "long"}, "JWT_ACCESS_TOKEN_EXPIRE_MINUTES must be"),
    ],
)
def test_bad_settings_are_refused(load, changes, sentence):
    with pytest.raises(ImproperlyConfigured, match=sentence):
        load(**changes)


def test_a_missing_driver_names_the_command_that_installs_it(load, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(ImproperlyConfigured, match="uv sync --extra postgres"):
        load(DATABASE_URL="postgres://user@host/name")


def test_commands_report_bad_settings_in_a_sentence():
    refused = manage("check", SECRET_KEY="")

    assert refused.returncode == 1
    assert "SECRET_KEY is not set" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_rates_and_intervals_can_be_switched_off(load):
    assert load(LOGIN_RATE="off")["LOGIN_RATE"] is None
    for rate in ("5/s", "10/min", "100/hour", "1000/day", "010/Minutes"):
        assert load(LOGIN_RATE=rate)["LOGIN_RATE"] == rate.lower()
    mirror = load(MUSICBRAINZ_INTERVAL="0", MUSICBRAINZ_BASE_URL="http://127.0.0.1:1/ws/2")
    assert mirror["MUSICBRAINZ_INTERVAL"] == 0


def test_languages_are_a_list(load):
    assert load(TMDB_LANGUAGE="de-DE, en")["TMDB_LANGUAGES"] == ["de-DE", "en"]
    assert load(TMDB_LANGUAGE="")["TMDB_LANGUAGES"] == ["en-US"]


@pytest.mark.parametrize(("changes", "minutes"), [({}, 45), ({"ACCESS_TOKEN_MINUTES": "5"}, 5)])
def test_the_old_name_of_the_lifetime_of_tokens_is_read(load, changes, minutes):
    old = {"JWT_ACCESS_TOKEN_EXPIRE_MINUTES": "45"} | changes

    assert load(**old)["SIMPLE_JWT"]["ACCESS_TOKEN_LIFETIME"] == timedelta(minutes=minutes)


def test_missing_and_old_settings_are_warnings_and_no_crash():
    warned = manage("check", SECRET_KEY="short", JWT_ACCESS_TOKEN_EXPIRE_MINUTES="45").stderr

    codes = re.findall(r"\((\w+\.W\d+)\)", warned)
    assert sorted(codes) == ["accounts.W001", "accounts.W003", "integrations.W001", "integrations.W002"]


def test_a_production_env_is_clean_for_deployment():
    checked = manage(
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        HTTPS="true",
        ALLOWED_HOSTS="example.org",
        TMDB_API_KEY="key",
        EMAIL_URL="smtp+tls://user:password@mail.example.org:587",
        SITE_URL="https://opinions.example.org",
        MUSICBRAINZ_USER_AGENT="WrongOpinions/1.0 ( you@example.org )",
    )

    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(("site_url", "status"), [("https://example.org:8443", 200), ("https://example.org", 403)])
def test_forms_are_accepted_from_site_url_though_a_proxy_loses_its_port(load, settings, db, site_url, status):
    settings.ALLOWED_HOSTS = ["example.org"]
    settings.CSRF_TRUSTED_ORIGINS = load(SITE_URL=site_url)["CSRF_TRUSTED_ORIGINS"]
    client = Client(enforce_csrf_checks=True, headers={"Host": "example.org"})  # as nginx' $host says it
    form = {"csrfmiddlewaretoken": client.get("/admin/login/", secure=True).cookies["csrftoken"].value}

    answer = client.post("/admin/login/", form, secure=True, headers={"Origin": "https://example.org:8443"})

    assert answer.status_code == status


def answers():
    """Status, Location and HSTS of pages and the API, asked over plain HTTP and through a proxy that speaks HTTPS."""
    clients = Client(), Client(headers={"X-Forwarded-Proto": "https"})
    asked = [
        client.get(path, headers={"Host": "localhost"})
        for path in ("/", "/api/auth/me", "/health")
        for client in clients
    ]
    return [
        (answer.status_code, *map(answer.headers.get, ["Location", "Strict-Transport-Security"])) for answer in asked
    ]


@pytest.mark.parametrize("site_url", ["https://example.org:8443/opinions/", "https://example.org:8443"])
def test_a_path_of_the_site_is_that_of_its_addresses_and_cookies(load, site_url):
    loaded = load(ROOT_PATH="/opinions/", SITE_URL=site_url)

    assert loaded["SITE_URL"] == "https://example.org:8443"
    assert loaded["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]", "example.org"]
    assert loaded["CSRF_TRUSTED_ORIGINS"] == ["https://example.org:8443"]
    assert loaded["FORCE_SCRIPT_NAME"] == "/opinions"
    assert loaded["STATIC_URL"] == "/opinions/static/"
    assert loaded["SESSION_COOKIE_PATH"] == loaded["CSRF_COOKIE_PATH"] == "/opinions"
    assert loaded["SPECTACULAR_SETTINGS"]["SERVERS"] == [{"url": "/opinions"}]


@pytest.mark.parametrize(("debug", "root"), [("true", ""), ("false", "/opinions")])
def test_https_and_not_debug_switches_https(load, settings, db, debug, root):
    def use(https):
        loaded = load(HTTPS=https, DEBUG=debug, ROOT_PATH=root)
        for name in (
            "DEBUG",
            "MIDDLEWARE",
            "FORCE_SCRIPT_NAME",
            *(name for name in loaded if name.startswith(("SECURE_", "SESSION_", "CSRF_"))),
        ):
            setattr(settings, name, loaded[name])

    hsts = "max-age=31536000"
    use("false")
    assert [status for status, *_ in answers()] == [200, 200, 401, 401, 200, 200]
    assert not settings.SESSION_COOKIE_SECURE
    assert not settings.CSRF_COOKIE_SECURE

    use("true")
    assert answers() == [
        (301, f"https://localhost{root}/", None),
        (200, None, hsts),
        (403, None, None),
        (401, None, hsts),
        (200, None, None),
        (200, None, hsts),
    ]
    assert settings.SESSION_COOKIE_SECURE
    assert settings.CSRF_COOKIE_SECURE
