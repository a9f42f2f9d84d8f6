"""Debian's Chromium, driven by Playwright, without access to other hosts."""

import os
import shutil
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from . import stand_ins

EXECUTABLE = os.environ.get("CHROMIUM") or shutil.which("chromium")
MISSING = "Chromium was not found. Install Debian's package chromium, or set CHROMIUM to its path."
PICTURES = ("https://image.tmdb.org/", "https://coverartarchive.org/")
ARGUMENTS = [
    "--no-sandbox",  # root cannot use it
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=EXECUTABLE, args=ARGUMENTS)


def new_page(context: BrowserContext, titles: Mapping[str, str], report: Callable[[str], object]) -> Page:
    """A page that draws posters and covers instead of fetching them, and reports other requests by HTTPS.

    `titles` are written on the drawings. Their keys are TMDB's file names and MusicBrainz ids.
    Playwright's own `route` would do, but it switches off the browser's cache, which makes pages twice as slow.
    """
    page = context.new_page()
    session = context.new_cdp_session(page)

    def answer(event: dict[str, Any]) -> None:
        url = event["request"]["url"]
        if url.startswith(PICTURES):
            picture = {
                "responseCode": 200,
                "responseHeaders": [{"name": "Content-Type", "value": "image/svg+xml"}],
                "body": b64encode(stand_ins.drawn(url, titles).encode()).decode(),
            }
            session.send("Fetch.fulfillRequest", {"requestId": event["requestId"], **picture})
        else:
            report(f"requested {url}")
            session.send("Fetch.failRequest", {"requestId": event["requestId"], "errorReason": "BlockedByClient"})

    session.on("Fetch.requestPaused", answer)
    session.send("Fetch.enable", {"patterns": [{"urlPattern": "https://*"}]})
    return page
