"""The admin's pages: without errors, on a phone, in dark mode, and with the keyboard only."""

import re

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from accounts.models import User
from selections.models import ImportedRow
from selections.weeks import this_week
from tests.admin import everything, staff
from tests.factories import MovieFactory, WeekFactory, WeekMovieFactory

pytestmark = pytest.mark.real_http

PARTS = 4  # tests that share the pages


def overflow(page: Page) -> int:
    """The number of pixels by which the page is wider than the screen."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def visit(page: Page, address: str):
    """The response. Requests of the page before may abort the first attempt."""
    try:
        return page.goto(address)
    except PlaywrightError as error:
        if "ERR_ABORTED" not in error.message:
            raise
        return page.goto(address)


def is_visited(name: str) -> bool:
    """Of pages that Django makes alike for all models, such as histories, one is enough."""
    alike = name.endswith(("_history", "_delete")) or name.startswith(("app_", "auth_"))
    return name in {"selections_week_history", "selections_week_delete", "app_selections"} or not (
        alike or name in everything.REFUSED
    )


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_loads_without_errors_and_fits_on_a_phone(phone, part):
    """The fixture `context` fails the test on errors in the console and violations of the Content Security Policy."""
    everything.fill(2)
    pages = [(name, address) for name, address in everything.pages().items() if is_visited(name)]
    too_wide = {}

    for name, address in pages[part::PARTS]:
        response = visit(phone, address)
        assert (name, response.status) == (name, 200)
        if pixels := overflow(phone):
            too_wide[name] = pixels

    assert too_wide == {}


def test_filters_are_above_the_list_on_a_phone_and_else_beside_it(phone):
    MovieFactory(poster_path="/x.jpg")
    phone.goto("/admin/catalog/movie/")
    summary, filters, row = (
        phone.locator(name) for name in (".filters > summary", "#changelist-filter", "#result_list a")
    )

    expect(filters).not_to_be_visible()
    summary.click()
    expect(filters).to_be_visible()
    assert filters.bounding_box()["y"] < row.first.bounding_box()["y"]
    summary.click()
    phone.set_viewport_size({"width": 1280, "height": 900})
    expect(filters).to_be_visible()
    expect(summary).not_to_be_visible()


def test_a_long_choice_leaves_filters_as_wide_as_they_are(phone):
    MovieFactory(genres=["Progressive" * 6])
    phone.set_viewport_size({"width": 1024, "height": 900})

    phone.goto("/admin/catalog/movie/")

    assert overflow(phone) == 0
    assert phone.locator("#changelist-filter").bounding_box()["width"] == 240


@pytest.mark.parametrize("view", ["change", "delete"])
def test_words_without_an_end_fit_on_a_phone(phone, chief, view):
    everything.wait(chief, "A" * 500)
    row = ImportedRow.objects.get()
    ImportedRow.objects.update(reason="A" * 500)

    phone.goto(staff.address(ImportedRow, view, row.pk))

    assert overflow(phone) == 0


def test_public_pages_load_without_errors_and_fit_on_a_phone(visitor):
    visitor.set_viewport_size({"width": 375, "height": 812})

    for address in ("/", "/admin/", "/reset", "/reset/sent", "/reset/done", "/api/docs", "/api/redoc"):
        response = visitor.goto(address)
        assert (address, response.status) == (address, 200)
        if not address.startswith("/api"):
            assert (address, overflow(visitor)) == (address, 0)


def pick(chief: User):
    """A pick of this week."""
    year, week_number = this_week(chief)
    week = WeekFactory(user=chief, year=year, week_number=week_number)
    return WeekMovieFactory(week=week, movie__title="Solaris", movie__poster_path="/solaris.jpg")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_dashboard_is_legible_in_light_and_dark_mode(page, chief, scheme):
    pick(chief)
    page.emulate_media(color_scheme=scheme)

    page.goto("/admin/")

    expect(page.locator(".overview .cards")).to_contain_text("Solaris")
    expect(page.locator(".overview .picture img").first).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("Picks per week"))).to_be_visible()
    weak = page.evaluate(CONTRAST, ".overview :is(h2, h3, p, a, span, dt, dd, summary, strong, small)")
    assert weak == []


# The texts of these elements whose contrast with the background is below 4.5 to 1.
CONTRAST = """(selector) => {
  const numbers = (colour) => {
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let current = element; current; current = current.parentElement) {
      const colour = numbers(getComputedStyle(current).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const weak = [];
  for (const element of document.querySelectorAll(selector)) {
    const own = [...element.childNodes].filter((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own.length || !element.checkVisibility() || element.matches(".visually-hidden")) continue;
    const [front, back] = [luminance(numbers(getComputedStyle(element).color)), luminance(behind(element))];
    const contrast = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    if (contrast < 4.5) weak.push(`${element.textContent.trim().slice(0, 40)}: ${contrast.toFixed(1)}`);
  }
  return weak;
}"""


def focused(page: Page) -> dict[str, object]:
    """The focused element, and whether its focus is visible."""
    return page.evaluate(
        """() => {
          const element = document.activeElement, style = getComputedStyle(element);
          const rect = element.getBoundingClientRect();
          return {
            text: element.textContent.trim().replace(/\\s+/g, " "),
            name: element.getAttribute("name"),
            isVisible: rect.width > 1 && rect.bottom > 0 && rect.top < innerHeight
              && (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none"),
          };
        }"""
    )


def test_the_keyboard_reaches_the_skip_link_and_the_buttons_of_a_card(page):
    page.goto("/admin/catalog/album/search/?q=you+want+it+darker")

    page.locator("body").focus()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    assert focused(page) == {"text": "Skip to main content", "name": None, "isVisible": True}
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        reached = focused(page)
        assert reached["isVisible"], reached
        if str(reached["text"]).startswith("Add"):
            break
    assert reached["name"] == "id"
    page.keyboard.press("Enter")

    expect(page.locator(".messagelist .success")).to_contain_text("is now in the catalog")
