"""`/metrics`: what it counts, and who may read it."""

import ipaddress

import pytest
from django.conf import settings as project
from django.test import Client
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.conftest import client_of


@pytest.fixture
def metrics(settings, db):
    """Switches metrics on, and gives the samples of an answer by names and labels."""
    settings.METRICS_FOR = [ipaddress.ip_network("127.0.0.0/8")]
    settings.MIDDLEWARE = ["wrong_opinions.metrics.Metrics", *project.MIDDLEWARE]

    def samples():
        answer = Client().get("/metrics", headers={"Host": "10.0.0.7:8000"})
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        families = text_string_to_metric_families(answer.content.decode())
        return {(sample.name, *sorted(sample.labels.values())): sample.value for f in families for sample in f.samples}

    return samples


def test_requests_and_their_latencies_are_counted(metrics, user):
    before = metrics().get(("wrong_opinions_requests_total", "/api/auth/me", "200", "GET"), 0)

    client_of(user).get("/api/auth/me")

    after = metrics()
    assert after["wrong_opinions_requests_total", "/api/auth/me", "200", "GET"] == before + 1
    assert after["wrong_opinions_request_seconds_sum", "/api/auth/me", "GET"] > 0


@pytest.mark.real_http
def test_upstreams_are_counted(metrics, user, settings, httpserver):
    settings.TMDB_BASE_URL = httpserver.url_for("/3")
    httpserver.expect_request("/3/movie/1").respond_with_json({}, status=404)

    client_of(user).get("/api/movies/1")

    found = metrics()
    assert found["wrong_opinions_upstream_requests_total", "tmdb"] == 1
    assert found["wrong_opinions_upstream_errors_total", "not_found", "tmdb"] == 1
    assert found["wrong_opinions_upstream_errors_total", "tmdb", "upstream_busy"] == 0
    assert found["wrong_opinions_circuit_breaker_open", "tmdb"] == 0
    assert found["wrong_opinions_imported_rows_to_decide",] == 0
    assert found["wrong_opinions_job_well", "flush_tokens"] == 1


def test_addresses_and_methods_of_clients_make_no_labels(metrics):
    Client().generic("SPELL", "/secret")

    found = metrics()
    assert ("wrong_opinions_requests_total", "404", "other", "unknown") in found
    assert "secret" not in str(found)


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", ""])
def test_others_find_no_such_page(metrics, client, address):
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == 404


def test_it_is_off_by_default(client, db):
    assert client.get("/metrics").status_code == 404
