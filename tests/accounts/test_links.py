"""Where the links in emails and invitations lead: the sender of a request cannot choose that."""

import pytest

from accounts import services
from accounts.checks import check_links
from tests.conftest import delivered
from tests.factories import make_user

LOCAL = "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("allowed", "host", "site"),
    [
        (["localhost", "127.0.0.1"], "localhost:6666", LOCAL),
        (["localhost", "[::1]"], "[::1]:6666", LOCAL),
        (["*"], "evil.example:6666", LOCAL),
        (["*", "example.org"], "evil.example", "http://example.org"),
        ([".example.org"], "evil.example.org", "http://example.org"),
        (["example.org", "other.example.org"], "other.example.org:6666", "http://other.example.org"),
        (["Example.org"], "EXAMPLE.ORG", "http://example.org"),
    ],
)
def test_without_a_site_url_links_lead_where_allowed_hosts_says(rf, settings, allowed, host, site):
    settings.ALLOWED_HOSTS = allowed

    assert services.site_url(rf.get("/", headers={"Host": host})) == site


def test_links_use_https_and_site_url_where_they_are_set(rf, settings):
    settings.ALLOWED_HOSTS, settings.HTTPS = ["example.org"], True
    assert services.site_url() == "https://example.org"

    settings.SITE_URL = "https://opinions.example.org"
    assert services.site_url(rf.get("/", headers={"Host": "localhost:6666"})) == "https://opinions.example.org"


def test_a_port_that_a_request_names_is_in_no_mail(db, anonymous):
    user = make_user()

    response = anonymous.post("/api/auth/password-reset", {"email": user.email}, headers={"Host": "localhost:6666"})

    [message] = delivered()
    assert response.status_code == 202
    assert f"{LOCAL}/reset/" in message.body
    assert "6666" not in message.body


@pytest.mark.parametrize(("backend", "warnings"), [("smtp", 1), ("filebased", 1), ("console", 0)])
def test_a_site_that_sends_mail_should_set_site_url(settings, backend, warnings):
    settings.MAILERS = {"default": {"BACKEND": f"django.core.mail.backends.{backend}.EmailBackend"}}

    assert [warning.id for warning in check_links(None)] == ["accounts.W002"] * warnings
    settings.SITE_URL = "https://opinions.example.org"
    assert check_links(None) == []
