"""The admin in a browser: Debian's Chromium, driven by Playwright. Any error in its console fails the test."""

import os
from collections.abc import Iterator

import pytest
from django.db import connection, connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from pytest_httpserver import HTTPServer

from accounts.models import User
from tests import payloads
from tests.factories import make_user

from . import chromium, stand_ins

OTHER_EDITION = "0f3f1f4e-7a1c-4e6f-9c2d-1b1f6a0c1d2e"
TIMEOUT = 30_000  # milliseconds, on a busy machine
REPORT_CSP_VIOLATIONS = """addEventListener("securitypolicyviolation", (violation) => {
  console.error(`CSP: ${violation.effectiveDirective} refused ${violation.blockedURI} ${violation.sample}`);
});"""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if not chromium.EXECUTABLE:
        if os.environ.get("BROWSER_TESTS") == "required":
            pytest.fail(chromium.MISSING)
        pytest.skip(chromium.MISSING)
    if connection.vendor == "postgresql":
        pytest.skip("Pages look the same on every database, so these tests run on SQLite only.")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright runs an event loop in this thread, so Django takes all code here for asynchronous.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield chromium.launch(playwright)
        connections.close_all()


@pytest.fixture(autouse=True)
def upstreams(settings, httpserver: HTTPServer) -> HTTPServer:
    """All upstreams on a local server, which has one movie, and one album in two editions."""
    releases = [payloads.release(), payloads.release(id=OTHER_EDITION, country="DE", date="2016-10-28")]
    site = stand_ins.serve(httpserver, movies=[payloads.movie()], releases=releases)
    settings.TMDB_BASE_URL = f"{site}/3"
    settings.MUSICBRAINZ_BASE_URL = f"{site}/ws/2"
    settings.COVERART_BASE_URL = f"{site}/caa"
    settings.MUSICBRAINZ_USER_AGENT = "WrongOpinions/1.0.0 ( you@example.org )"
    return httpserver


@pytest.fixture
def chief(transactional_db) -> User:
    return make_user(username="chief", is_staff=True, is_superuser=True)


@pytest.fixture(scope="package")
def logged() -> list[str]:
    """Errors and warnings of all pages since a test began."""
    return []


@pytest.fixture(scope="package")
def context(browser: Browser, live_server, logged) -> Iterator[BrowserContext]:
    """One browser context for all tests, so that static files are loaded and compiled once."""
    expect.set_options(timeout=TIMEOUT)
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(TIMEOUT)
    context.add_init_script(REPORT_CSP_VIOLATIONS)

    def collect(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            logged.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    context.on("console", collect)
    context.on("weberror", lambda error: logged.append(f"exception: {error.error}"))
    yield context
    context.close()


@pytest.fixture
def visitor(context: BrowserContext, live_server, logged) -> Iterator[Page]:
    """A page without a signed-in user. It may log no error or warning, and load nothing but pictures from elsewhere."""
    logged.clear()
    page = chromium.new_page(context, {}, logged.append)
    yield page
    page.close()
    context.clear_cookies()
    assert logged == []


@pytest.fixture
def page(visitor: Page, context: BrowserContext, live_server, chief) -> Page:
    """A page where a superuser is signed in."""
    client = Client()
    client.force_login(chief)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    context.add_cookies([cookie])
    return visitor


@pytest.fixture
def phone(page: Page) -> Page:
    page.set_viewport_size({"width": 375, "height": 812})
    return page
