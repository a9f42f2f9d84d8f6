"""How the admin's pages are: whole, on a phone, in the dark, and without a mouse."""

import re

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from accounts.models import User
from selections.weeks import this_week
from tests.admin import everything
from tests.factories import WeekFactory, WeekMovieFactory

pytestmark = pytest.mark.real_http

NOT_LOOKED_AT = everything.POSTED | everything.REFUSED | everything.DATA


def overflow(page: Page) -> int:
    """How many pixels of the page are beside the screen, where one would have to scroll to."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def visit(page: Page, address: str):
    """The answer; what the page before still does may break a visit off."""
    try:
        return page.goto(address)
    except PlaywrightError as error:
        if "ERR_ABORTED" not in error.message:
            raise
        return page.goto(address)


@pytest.mark.parametrize("part", ["accounts", "catalog", "selections", ""])
def test_every_page_is_whole_and_fits_on_a_phone(phone, part):
    """Whole: with no error in the console, and none of the Content Security Policy, as `context` finds."""
    everything.fill(3)
    parts = ("accounts", "catalog", "selections")
    too_wide = {}

    for name, address in everything.pages().items():
        if name in NOT_LOOKED_AT or not (name.startswith(part) if part else not name.startswith(parts)):
            continue
        response = visit(phone, address)
        assert (name, response.status) == (name, 200)
        if beside := overflow(phone):
            too_wide[name] = beside

    assert too_wide == {}


def test_pages_for_those_who_are_not_signed_in_are_whole(context):
    page = context.new_page()
    page.set_viewport_size({"width": 375, "height": 812})

    for address in ("/", "/admin/", "/reset", "/reset/sent", "/reset/done", "/api/docs", "/api/redoc"):
        response = page.goto(address)
        assert (address, response.status) == (address, 200)
        if not address.startswith("/api"):
            assert (address, overflow(page)) == (address, 0)


def pick(chief: User):
    """Something that somebody has picked this week."""
    year, week_number = this_week(chief)
    week = WeekFactory(user=chief, year=year, week_number=week_number)
    return WeekMovieFactory(week=week, movie__title="Solaris", movie__poster_path="/solaris.jpg")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_dashboard_is_legible_by_day_and_by_night(page, chief, scheme):
    pick(chief)
    page.emulate_media(color_scheme=scheme)

    page.goto("/admin/")

    expect(page.locator(".overview .cards")).to_contain_text("Solaris")
    expect(page.locator(".overview .picture img").first).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("Picks per week"))).to_be_visible()
    weak = page.evaluate(CONTRAST, ".overview :is(h2, h3, p, a, span, dt, dd, summary, strong, small)")
    assert weak == []


# Each text of these elements, and how it stands out from what is behind it, where that is less than 4.5 to 1.
CONTRAST = """(selector) => {
  const numbers = (colour) => {
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = numbers(getComputedStyle(one).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const weak = [];
  for (const element of document.querySelectorAll(selector)) {
    const own = [...element.childNodes].filter((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own.length || !element.checkVisibility() || element.matches(".visually-hidden")) continue;
    const [one, two] = [light(numbers(getComputedStyle(element).color)), light(behind(element))];
    const contrast = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (contrast < 4.5) weak.push(`${element.textContent.trim().slice(0, 40)}: ${contrast.toFixed(1)}`);
  }
  return weak;
}"""


def focused(page: Page) -> dict[str, object]:
    """What has the focus, and whether one can see that it has."""
    return page.evaluate(
        """() => {
          const element = document.activeElement, style = getComputedStyle(element);
          const rect = element.getBoundingClientRect();
          return {
            text: element.textContent.trim().replace(/\\s+/g, " "),
            name: element.getAttribute("name"),
            isSeen: rect.width > 1 && rect.bottom > 0 && rect.top < innerHeight
              && (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none"),
          };
        }"""
    )


def test_without_a_mouse_one_gets_past_the_header_and_to_a_button_of_a_card(page):
    page.goto("/admin/catalog/album/search/?q=you+want+it+darker")

    page.locator("body").focus()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    assert focused(page) == {"text": "Skip to main content", "name": None, "isSeen": True}
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        reached = focused(page)
        assert reached["isSeen"], reached
        if str(reached["text"]).startswith("Add"):
            break
    assert reached["name"] == "id"
    page.keyboard.press("Enter")

    expect(page.locator(".messagelist .success")).to_contain_text("is now in the catalog")
