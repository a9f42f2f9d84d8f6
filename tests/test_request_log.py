"""The log of requests: it has the cost of each, and no address that may contain a secret."""

import json
import logging
import logging.config

import pytest
from django.conf import settings as project
from django.test import Client

from tests.factories import WeekFactory
from wrong_opinions import request_log


@pytest.fixture
def lines(caplog):
    """The records of the log `access` so far."""
    caplog.set_level(logging.INFO, logger="access")
    return lambda: [record for record in caplog.records if record.name == "access"]


def test_a_line_says_what_a_request_cost(api, user, lines):
    week = WeekFactory(user=user)

    answer = api.get(f"/api/weeks/{week.pk}?x=secret")

    [line] = lines()
    assert line.getMessage().startswith("method=GET route=/api/weeks/{pk} status=200 ms=")
    assert (line.user, line.request, line.upstream_ms) == (user.pk, answer.headers["X-Request-ID"], 0)
    assert line.queries == 2  # of the session, and of a week without picks
    assert line.ms >= line.query_ms > 0
    assert "secret" not in line.getMessage()


def test_waiting_for_an_upstream_is_told_apart(api, tmdb_movie, lines):
    tmdb_movie(id=1)

    api.get("/api/movies/1")

    assert lines()[0].upstream_ms > 0


@pytest.mark.parametrize(
    ("path", "route"), [("/join/secret", "/join/{code}"), ("/secret", "unknown"), ("/api/secret", "not-found")]
)
def test_addresses_stay_out_of_the_log(client, db, lines, path, route):
    client.get(path)

    assert f"route={route} " in lines()[0].getMessage()
    assert "secret" not in lines()[0].getMessage()


def test_slow_requests_are_warnings(client, db, lines, monkeypatch):
    client.get("/")
    monkeypatch.setattr(request_log, "SLOW", 0)
    client.get("/")

    assert [line.levelname for line in lines()] == ["INFO", "WARNING"]


def test_no_user_is_loaded_for_the_log(client, user, lines, django_assert_num_queries):
    client.force_login(user)

    with django_assert_num_queries(0):
        client.get("/")

    assert lines()[0].user is None


def test_lines_of_django_have_no_addresses_either(db, caplog):
    Client(enforce_csrf_checks=True).post("/join/secret")

    record = next(record for record in caplog.records if record.name == "django.security.csrf")
    assert record.getMessage().endswith(": /join/{code}")
    assert len(record.request) == 16


def test_json_has_the_values_as_keys(client, db, lines):
    client.get("/api/auth/me")
    configured = logging.config.DictConfigurator(project.LOGGING)

    line = json.loads(configured.configure_formatter(project.LOGGING["formatters"]["json"]).format(lines()[0]))

    assert line.keys() >= {"time", "level", "logger", "message", "ms", "query_ms", "request"}
    assert (line["route"], line["status"], line["user"]) == ("/api/auth/me", 401, None)
