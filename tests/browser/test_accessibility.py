"""Barriers that axe-core finds: here on a page of each kind, and by `tests.trials.accessibility` on all of them."""

import os

import pytest
from playwright.sync_api import Page

from accounts import services
from tests.admin import everything

from . import axe
from .test_looks import visit

pytestmark = [pytest.mark.real_http, pytest.mark.skipif(not axe.SCRIPT.exists(), reason=axe.MISSING)]

ALL = "ALL_PAGES" in os.environ
OF_EACH_KIND = ("index", "selections_week_change", "selections_week_grid", "catalog_movie_merge")
LOOKS = {"light": ("light", 1280), "dark": ("dark", 1280), "phone": ("light", 375)}


def addresses() -> list[str]:
    known = everything.pages()
    if not ALL:
        return ["/reset", *(known[name] for name in OF_EACH_KIND)]
    public = ["/", "/nowhere", "/reset", "/reset/done", f"/join/{services.invite()[1]}", "/api/docs", "/api/redoc"]
    return [*public, *(known[name] for name in sorted(known.keys() - everything.REFUSED))]


@pytest.mark.parametrize("look", LOOKS if ALL else ["dark"])
def test_pages_have_no_barriers(page: Page, look, logged):
    scheme, width = LOOKS[look]
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    everything.fill(2)

    found = {}
    for address in addresses():
        visit(page, address)
        found[address] = axe.barriers(page)

    logged[:] = [line for line in logged if "/nowhere" not in line]  # a page that is missed is an error for Chromium
    assert {address: barriers for address, barriers in found.items() if barriers} == {}
