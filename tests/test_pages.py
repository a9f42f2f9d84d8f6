"""Pages that are no views of ours, and what all pages have in common."""

import gzip

import pytest
from django.test import Client

from accounts import services
from accounts.models import Invitation
from tests.admin.staff import address, client_with
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


def test_pages_and_json_are_compressed(api):
    for path in ("/", "/api/stats/overview", "/api/docs"):
        answer = api.get(path, headers={"Accept-Encoding": "gzip"})

        assert (path, answer.headers["Content-Encoding"]) == (path, "gzip")


def test_a_compressed_answer_keeps_its_tag(api):
    gzipped = {"Accept-Encoding": "gzip"}
    document = api.get("/api/schema", headers=gzipped)

    again = api.get("/api/schema", headers=gzipped | {"If-None-Match": document.headers["ETag"]})

    assert len(document.content) < len(gzip.decompress(document.content)) / 5
    assert again.status_code == 304


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
