"""A built frontend at the same origin, and links to the app."""

import base64
import hashlib
import importlib

import pytest
from django.urls import clear_url_caches

from accounts import services
from tests.accounts.conftest import join
from tests.conftest import delivered
from tests.factories import UserFactory
from wrong_opinions import urls

SCRIPT = "import('/_app/immutable/start.js')"
DIGEST = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
INDEX = f'<!doctype html><script type="module" src="/x.js"></script><script>{SCRIPT}</script><div id="app"></div>'
FOR_EVER = "max-age=315360000, public, immutable"


@pytest.fixture
def frontend(tmp_path, settings, db, load):
    """Serves the build of a frontend."""
    for name in ("robots.txt", "_app/immutable/start.js", "assets/index-BHYfJ9xZ.js", "assets/plain-logo.svg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "index.html").write_text(INDEX)
    for name, value in load(FRONTEND_DIR=str(tmp_path)).items():
        if name.startswith(("FRONTEND_", "WHITENOISE_")):
            setattr(settings, name, value)
    use_urls()
    yield
    settings.FRONTEND_DIR = None
    use_urls()


def use_urls():
    importlib.reload(urls)
    clear_url_caches()


@pytest.mark.parametrize("path", ["/", "/weeks/7", "/weeks/2026-W07/", "/apis", "/administration", "/x.html"])
def test_every_other_path_is_the_frontend(frontend, client, path):
    answer = client.get(path)

    assert (answer.status_code, answer.content.decode()) == (200, INDEX)
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert f"script-src 'self' 'sha256-{DIGEST}';" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/robots.txt", "max-age=60, public"),
        ("/assets/plain-logo.svg", "max-age=60, public"),
        ("/_app/immutable/start.js", FOR_EVER),
        ("/assets/index-BHYfJ9xZ.js", FOR_EVER),
    ],
)
def test_files_with_a_digest_are_kept_for_ever(frontend, client, path, kept):
    answer = client.get(path)

    assert answer.getvalue().decode() == path[1:]
    assert answer.headers["Cache-Control"] == kept


def test_paths_of_ours_are_untouched(frontend, client):
    paths = ("/health", "/api/nothing", "/api", "/admin", "/admin/nothing", "/static/nothing.css", "/reset")

    assert [client.get(path).status_code for path in paths] == [200, 404, 404, 301, 302, 404, 200]
    assert client.get("/assets/index-OfAn0ther.js").status_code == 404
    assert client.post("/weeks").status_code == 405


# The way to the app


def test_pages_lead_to_the_app(client, db, settings):
    settings.APP_URL = "https://app.example.org"
    link = f'<a href="{settings.APP_URL}">'
    _, code = services.invite()

    for answer in (client.get("/"), join(client, code), client.get("/reset/done")):
        assert link in answer.content.decode()


def test_without_an_address_of_the_app_there_is_no_link(client, db):
    assert "Sign in with your new password in the app." in client.get("/reset/done").content.decode()


def test_pages_lead_to_the_frontend(frontend, client):
    assert '<a href="/">Sign in</a>' in client.get("/reset/done").content.decode()


def test_mails_name_the_app(client, db, settings):
    settings.APP_URL = "https://app.example.org"
    UserFactory(email="ada@example.org")

    client.post("/reset", {"email": "ada@example.org"})

    assert delivered()[-1].body.endswith("-- \nWrong Opinions: https://app.example.org\n")
