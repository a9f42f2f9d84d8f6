"""axe-core, which finds barriers in pages; left out where it is not installed, as it comes from npm."""

from pathlib import Path

from playwright.sync_api import Page

SCRIPT = Path(__file__).parent / "node_modules/axe-core/axe.min.js"
MISSING = "axe-core was not found. Install it: npm install --prefix tests/browser --no-package-lock"
RUN = """async (left) => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = await axe.run({exclude: left}, {runOnly: tags, resultTypes: ["violations"]});
  return found.violations
    .filter((rule) => ["serious", "critical"].includes(rule.impact))
    .flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")}`));
}"""
# Markup of Django's admin and of the tools that show the API.
NOT_OURS = [[".select2"], ["#searchbar"], [".help-tooltip"], [".selector"], ["#swagger-ui"], ["redoc"]]


def barriers(page: Page) -> list[str]:
    """What is serious or critical in our markup of this page."""
    page.evaluate(f"() => {{ if (!window.axe) {{ {SCRIPT.read_text('utf-8')} }} }}")
    return page.evaluate(RUN, NOT_OURS)
