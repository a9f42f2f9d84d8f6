"""Pages that are not views of ours, and what all pages have in common."""

import gzip

import brotli
import pytest
from django.test import Client

from accounts import services
from accounts.models import Invitation
from tests.admin.staff import address, client_with
from tests.conftest import client_of
from tests.factories import AlbumFactory


def test_a_refused_page_leads_back(db):
    answer = client_with().get("/admin/selections/week/")

    page = answer.content.decode()
    assert (answer.status_code, "<h1>Not allowed</h1>" in page) == (403, True)
    assert '<a href="/admin/">' in page
    assert '<a href="/">' in page


def test_a_stale_form_leads_back_to_a_fresh_one(db):
    answer = Client(enforce_csrf_checks=True).post("/reset", {"email": "ada@example.org"})

    assert answer.status_code == 403
    assert '<a href="">Open the page again</a>' in answer.content.decode()


@pytest.mark.parametrize("path", ["/", "/nowhere", "/reset", "/admin/login/", "/api/docs", "/api/redoc"])
def test_pages_say_their_language(client, db, path):
    assert '<html lang="en' in client.get(path).content.decode()


@pytest.mark.parametrize(
    ("path", "values"), [("/reset", {"email": "ada"}), ("/admin/login/", {"username": "a", "password": "b"})]
)
def test_a_form_with_errors_says_so_in_the_title(client, db, path, values):
    assert "<title>Error: " not in client.get(path).content.decode()
    assert client.post(path, values).content.decode().count("Error: ") == 1


@pytest.mark.parametrize(
    ("path", "accepted", "encoding"),
    [
        ("/", "gzip, deflate, br", "gzip"),
        ("/api/docs", "gzip, deflate, br", "gzip"),
        ("/api/stats/overview", "gzip, deflate, br", "br"),
        ("/api/stats/overview", "br;q=0.5", "br"),
        ("/api/stats/overview", "br ; q=0.00, gzip", "gzip"),
        ("/api/stats/overview", "gzip", "gzip"),
        ("/api/stats/overview", "br;q=0", None),
        ("/api/stats/overview", "brotli", None),
        ("/api/stats/overview", "", None),
        ("/api/weeks?year=a&year_from=b", "br", "br"),  # a problem
        ("/api/auth/me/nothing", "br", None),  # a short one
        ("/api/export", "br, gzip", "gzip"),  # streamed
    ],
)
def test_pages_and_json_are_compressed(api, path, accepted, encoding):
    answer = api.get(path, headers={"Accept-Encoding": accepted})

    assert answer.headers.get("Content-Encoding") == encoding
    if encoding == "br":
        assert answer.headers["Content-Length"] == str(len(answer.content))
        assert brotli.decompress(answer.content) == api.get(path).content
        assert "Accept-Encoding" in api.get(path).headers["Vary"]


@pytest.mark.parametrize(("encoding", "decompress"), [("gzip", gzip.decompress), ("br", brotli.decompress)])
@pytest.mark.parametrize("path", ["/api/schema", "/api/stats/overview"])
def test_a_compressed_answer_keeps_its_tag(api, path, encoding, decompress):
    plain = api.get(path)
    compressed = api.get(path, headers={"Accept-Encoding": encoding})

    again = api.get(path, headers={"Accept-Encoding": encoding, "If-None-Match": compressed.headers["ETag"]})

    assert decompress(compressed.content) == plain.content
    assert len(compressed.content) < len(plain.content)
    assert compressed.headers["ETag"].removeprefix("W/") == plain.headers["ETag"].removeprefix("W/")
    assert (again.status_code, again.content) == (304, b"")


def test_json_for_a_cookie_has_random_bytes_as_pages_have(admin_client, admin_user):
    """Another site can make a browser send its cookies, but no token."""
    accepts = {"Accept-Encoding": "gzip, br"}

    by_cookie = admin_client.get("/health?verbose", headers=accepts)
    by_token = client_of(admin_user).get("/health?verbose", headers=accepts)

    assert (by_cookie.status_code, by_cookie.headers["Content-Encoding"]) == (200, "gzip")
    assert (by_token.status_code, by_token.headers["Content-Encoding"]) == (200, "br")


def test_staff_see_when_an_invitation_expires_and_who_used_it(admin_client):
    invitation, code = services.invite()
    services.register("bea", "bea@example.org", "a long pass phrase", invitation=code)

    page = admin_client.get(address(Invitation, "change", invitation.pk)).content.decode()

    assert "Expires at" in page
    assert "bea" in page
    assert (
        f'href="{address(Invitation, "change", invitation.pk)}"'
        in admin_client.get(address(Invitation, "changelist")).content.decode()
    )


@pytest.mark.parametrize(("query", "shown"), [("", "Unknown"), ("?_facets=True", "Unknown (1)")])
def test_what_a_filter_finds_empty_is_unknown(admin_client, query, shown):
    AlbumFactory(status=""), AlbumFactory(status="Official")

    page = admin_client.get(f"/admin/catalog/album/{query}").content.decode()

    assert f'status=">{shown}</a>' in " ".join(page.split())


def test_an_invalid_range_belongs_to_its_fields(admin_client):
    page = admin_client.get("/admin/selections/week/?from=x").content.decode()

    assert page.count('aria-invalid="true" aria-describedby="week-range-error"') == 2
    assert page.count('id="week-range-error"') == 1


def test_pages_load_no_scripts_that_they_do_not_use(admin_client):
    page = admin_client.get("/admin/selections/week/grid/").content.decode()

    assert "select2.full" in page
    assert "actions.js" not in page
    assert "suggestions.js" not in page
