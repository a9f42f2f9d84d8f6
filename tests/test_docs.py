"""The documents name only files, headings and settings that exist, and all commands, options and codes of errors."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
APPS = ("accounts", "catalog", "integrations", "selections", "wrong_opinions")
PATH = re.compile(rf"`((?:{'|'.join(APPS)}|tests|docs|templates)/[\w./-]*\w)`")
CALL = r"(?:Conflict|Refusal)\([^()]*(?:\([^()]*\)[^()]*)*?, |\bcode=|default_code = "
CODE = re.compile(rf'(?:{CALL})"([a-z]+(?:_[a-z]+)*)"')
# These are shown in the admin.
NOT_OF_THE_API = {"already_decided", "last_superuser", "own_account", "staff", "work_gone"}


@pytest.fixture(params=DOCUMENTS, ids=lambda path: path.name)
def document(request) -> Path:
    return request.param


def test_links_and_paths_lead_to_files_and_headings(document):
    text = document.read_text("utf-8")
    missing = [path for path in PATH.findall(text) if not (ROOT / path).exists()]

    for target, heading in re.findall(r"\]\(([\w./-]*)(?:#([\w-]+))?\)", text):
        other = document.parent / target if target else document
        titles = re.findall(r"^#+ (.+)$", other.read_text("utf-8"), re.MULTILINE) if heading else []
        slugs = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
        if not other.exists() or (heading and heading not in slugs):
            missing.append(f"{target}#{heading}")

    assert missing == []


def test_named_settings_exist(document):
    known = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"^([A-Z]+_[A-Z_]+)=|`([A-Z]+_[A-Z_]+)=", document.read_text("utf-8"), re.MULTILINE))

    assert {first or second for first, second in named} <= known


def options(app: str, name: str) -> set[str]:
    actions = load_command_class(app, name).create_parser("manage.py", name)._actions
    return {option for action in actions for option in action.option_strings if option.startswith("--")}


def test_each_command_is_described_with_its_options():
    sections = {}
    for section in (ROOT / "docs/commands.md").read_text("utf-8").split("\n## ")[1:]:
        sections |= dict.fromkeys(section.partition("\n")[0].split(", "), section)
    own = {name: app for name, app in get_commands().items() if app in APPS}

    assert own.keys() <= sections.keys()
    for name, app in own.items():
        unsaid = options(app, name) - options("django.core", "check") - {"--skip-checks"}
        assert {option for option in unsaid if option not in sections[name]} == set(), name


def test_each_code_of_an_error_is_described():
    text = (ROOT / "docs/api.md").read_text("utf-8")
    sources = [path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]

    found = {code for path in sources for code in CODE.findall(path.read_text("utf-8"))}

    assert {code for code in found if f"`{code}`" not in text} == NOT_OF_THE_API
