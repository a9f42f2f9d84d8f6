"""What the settings refuse, and what HTTPS switches."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.real_http
KEY = "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def manage(*arguments, **environment):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env=kept | {"ENV_FILE": os.devnull, "SECRET_KEY": KEY, "DATABASE_URL": "sqlite:///:memory:"} | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
        ({"MUSICBRAINZ_INTERVAL": "0.5"}, "musicbrainz.org allows one request a second"),
        ({"MUSICBRAINZ_INTERVAL": "0.5", "MUSICBRAINZ_BASE_URL": "https://beta.musicbrainz.org/ws/2"}, "a second"),
        ({"MUSICBRAINZ_INTERVAL": "-1"}, "MUSICBRAINZ_INTERVAL must be"),
        ({"MUSICBRAINZ_INTERVAL": "nan"}, "MUSICBRAINZ_INTERVAL must be"),
        ({"MUSICBRAINZ_MAX_WAIT": "ten"}, "MUSICBRAINZ_MAX_WAIT must be"),
        ({"LOGIN_RATE": "many"}, "LOGIN_RATE is neither a rate"),
        ({"LOGIN_RATE": "0/min"}, "LOGIN_RATE is neither a rate"),
        ({"TMDB_BASE_URL": "ftp://example.org"}, "TMDB_BASE_URL is not an http"),
        ({"WEB_THREADS": "2"}, "WEB_THREADS must be"),
        ({"HTTPS": "true  # behind Caddy"}, "HTTPS must be true or false"),
        ({"DEBUG": "tru"}, "DEBUG must be true or false"),
        ({"WEB_THREADS": ""}, "WEB_THREADS must be"),
        ({"DATABASE_URL": "nowhere"}, "DATABASE_URL is no address"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is no address"),
        ({"EMAIL_URL": "nowhere"}, "EMAIL_URL is no address"),
        ({"SITE_URL": "opinions.example.org"}, "SITE_URL is not an http"),
        ({"PASSWORD_RESET_URL": "https://app.example.org/{uid}"}, "PASSWORD_RESET_URL must have"),
        ({"PASSWORD_RESET_URL": "https://app.example.org/{uid}/{token}/{x}"}, "PASSWORD_RESET_URL must have"),
        ({"RESET_RATE": "5/fortnight"}, "RESET_RATE is neither a rate"),
    ],
)
def test_bad_settings_are_one_sentence(changes, sentence):
    refused = manage("check", **changes)

    assert refused.returncode == 1
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    "changes",
    [
        {"LOGIN_RATE": "off"},
        {"LOGIN_RATE": "5/s"},
        {"MUSICBRAINZ_INTERVAL": "0", "MUSICBRAINZ_BASE_URL": "http://127.0.0.1:1/ws/2"},
    ],
)
def test_good_settings(changes):
    assert manage("check", **changes).returncode == 0


def test_what_is_missing_is_said_and_no_crash():
    said = manage("check", SECRET_KEY="short").stderr

    assert {code for code in ("integrations.W001", "integrations.W002", "accounts.W001") if code in said} == {
        "integrations.W001",
        "integrations.W002",
        "accounts.W001",
    }


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


PROBE = """
import django, json
django.setup()
from django.test import Client
from django.conf import settings
plain, proxied = Client(), Client(headers={"X-Forwarded-Proto": "https"})
answers = [client.get(path, headers={"Host": "localhost"}) for path in ("/", "/api/auth/me", "/health")
           for client in (plain, proxied)]
names = ["Location", "Strict-Transport-Security"]
print(json.dumps([[answer.status_code, *map(answer.headers.get, names)] for answer in answers]))
print(settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE)
"""


@pytest.mark.parametrize("debug", ["true", "false"])
def test_https_and_not_debug_switches_https(debug, tmp_path):
    environment = {
        "DJANGO_SETTINGS_MODULE": "wrong_opinions.settings",
        "ENV_FILE": os.devnull,
        "SECRET_KEY": KEY,
        "DEBUG": debug,
        "DATABASE_URL": f"sqlite:///{tmp_path}/x.db",
        "PATH": os.environ["PATH"],
    }

    def probe(https):
        done = subprocess.run(
            [sys.executable, "-c", PROBE],
            env=environment | {"HTTPS": https},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    hsts = "max-age=31536000"
    on, off = probe("true"), probe("false")
    assert json.loads(on[0]) == [
        [301, "https://localhost/", None],
        [200, None, hsts],
        [403, None, None],
        [401, None, hsts],
        [503, None, None],
        [503, None, hsts],
    ]
    assert on[1] == "True True"
    assert [answer[:2] for answer in json.loads(off[0])] == [[200, None]] * 2 + [[401, None]] * 2 + [[503, None]] * 2
    assert off[1] == "False False"
