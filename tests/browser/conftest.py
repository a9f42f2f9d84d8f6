"""The admin in a browser: Debian's Chromium, driven by Playwright, and nothing of what it shows may be amiss."""

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
PATIENCE = 60_000  # milliseconds, on a day when everything is slow
WATCH = """addEventListener("securitypolicyviolation", (violation) => {
  console.error(`CSP: ${violation.effectiveDirective} refused ${violation.blockedURI} ${violation.sample}`);
});"""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if not chromium.EXECUTABLE:
        if os.environ.get("BROWSER_TESTS") == "required":
            pytest.fail(chromium.LACK)
        pytest.skip(chromium.LACK)
    if connection.vendor == "postgresql":
        pytest.skip("Pages look the same on every database: they are looked at on SQLite.")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, in which Django takes all code for asynchronous.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield chromium.launch(playwright)
        connections.close_all()


@pytest.fixture(autouse=True)
def upstreams(settings, httpserver: HTTPServer) -> HTTPServer:
    """All upstreams, on a local server that knows a film, and an album in two editions."""
    releases = [payloads.release(), payloads.release(id=OTHER_EDITION, country="DE", date="2016-10-28")]
    site = stand_ins.serve(httpserver, movies=[payloads.movie()], releases=releases)
    settings.TMDB_BASE_URL = f"{site}/3"
    settings.MUSICBRAINZ_BASE_URL = f"{site}/ws/2"
    settings.COVERART_BASE_URL = f"{site}/caa"
    settings.MUSICBRAINZ_USER_AGENT = "WrongOpinions/0.1.0 ( you@example.org )"
    return httpserver


@pytest.fixture
def chief(transactional_db) -> User:
    return make_user(username="chief", is_staff=True, is_superuser=True)


@pytest.fixture
def context(browser: Browser, live_server) -> Iterator[BrowserContext]:
    """A fresh browser window; at the end of a test nothing in any of its pages may have been amiss."""
    amiss: list[str] = []
    expect.set_options(timeout=PATIENCE)
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    context.add_init_script(WATCH)

    def see(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            amiss.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    context.on("console", see)
    context.on("weberror", lambda error: amiss.append(f"exception: {error.error}"))
    chromium.keep_here(context, live_server.url, {}, amiss.append)
    yield context
    context.close()
    assert amiss == []


@pytest.fixture
def page(context: BrowserContext, live_server, chief) -> Page:
    """A page of somebody who may do everything, signed in."""
    client = Client()
    client.force_login(chief)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    context.add_cookies([cookie])
    return context.new_page()


@pytest.fixture
def phone(page: Page) -> Page:
    page.set_viewport_size({"width": 375, "height": 812})
    return page
