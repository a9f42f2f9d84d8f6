"""Debian's Chromium, driven by Playwright; it reaches nothing but this machine."""

import os
import re
import shutil
from collections.abc import Callable, Mapping

from playwright.sync_api import Browser, BrowserContext, Playwright, Route

from . import stand_ins

EXECUTABLE = os.environ.get("CHROMIUM") or shutil.which("chromium")
LACK = "There is no Chromium: install Debian's package chromium, or say with CHROMIUM where it is."
PICTURES = ("https://image.tmdb.org/", "https://coverartarchive.org/")


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=EXECUTABLE, args=["--no-sandbox"])  # which root cannot have


def keep_here(context: BrowserContext, site: str, titles: Mapping[str, str], complain: Callable[[str], object]) -> None:
    """Draw posters and covers instead of fetching them, and complain about all else that is not of this site.

    `titles` are written on them; they are found by TMDB's name of the file, or MusicBrainz' id.
    """

    def answer(route: Route) -> None:
        url = route.request.url
        if url.startswith(PICTURES):
            route.fulfill(body=stand_ins.drawn(url, titles), content_type="image/svg+xml")
        else:
            complain(f"went to {url}")
            route.abort()

    context.route(re.compile(rf"^(?!{re.escape(site)}/|data:)"), answer)
