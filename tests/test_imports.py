"""The source follows the import rules of docs/architecture.md."""

import ast
import functools
import re
import subprocess
from pathlib import Path

import pytest

from tests.commands import run

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "integrations": set(),
    "accounts": set(),
    "catalog": {"integrations"},
    "selections": {"catalog", "integrations", "accounts"},
    "wrong_opinions": {"selections", "catalog", "integrations", "accounts"},
}
ROOMS = {"opinions", "insights", "planning", "transfer"}  # of selections: by subject, on top of its core
DOORS = ("selections.admin", "selections.api.urls", "selections.management")  # modules of the core that open rooms
HTTP_CLIENTS = {"requests", "requests_cache", "urllib3"}
OF_SELECTIONS = re.compile(r"picks|weeks__|(?:movie|album)_picks\S*|\S*\bselections_\w+")


@functools.cache
def modules() -> dict[str, ast.Module]:
    """The parsed modules of the product by their names."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [Path(line) for line in listed.stdout.splitlines() if line.split("/")[0] in MAY_IMPORT]
    return {
        ".".join(path.with_suffix("").parts).removesuffix(".__init__"): ast.parse((ROOT / path).read_text())
        for path in paths
        if "migrations" not in path.parts and (ROOT / path).exists()
    }


@functools.cache
def imports(name: str) -> set[str]:
    """The modules that a module imports, also relatively and within functions."""
    found = set()
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = name.split(".") if is_package(name) else name.split(".")[:-1]
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            submodules = {f"{origin}.{alias.name}" for alias in node.names} & set(modules())
            found |= submodules or {origin}
    return found


def is_package(name: str) -> bool:
    return (ROOT / name.replace(".", "/")).is_dir()


def room_of(name: str) -> str:
    """The room of a module of selections; empty for its core."""
    parts = name.split(".")
    return parts[1] if parts[0] == "selections" and len(parts) > 1 and parts[1] in ROOMS else ""


@pytest.mark.parametrize("app", MAY_IMPORT)
def test_arrows_between_apps_never_turn_back(app):
    wrong = [
        f"{name} imports {other}"
        for name in modules()
        if name.split(".")[0] == app
        for other in imports(name)
        if other.split(".")[0] in set(MAY_IMPORT) - MAY_IMPORT[app] - {app}
    ]

    assert wrong == []


def test_rooms_of_selections_know_its_core_and_not_each_other():
    wrong = []
    for name in modules():
        for other in imports(name):
            here, there = room_of(name), room_of(other)
            is_service = other == "selections.opinions.services" and (
                here == "transfer" or name == "selections.services"
            )
            if there not in {"", here} and not is_service and name.startswith("selections."):
                wrong += [] if not here and name.startswith(DOORS) else [f"{name} imports {other}"]

    assert wrong == []


def test_selections_has_few_modules_outside_its_rooms():
    flat = {name for name in modules() if name.count(".") == 1 and name.startswith("selections.")}

    assert len({name for name in flat if not is_package(name)}) <= 9


def test_only_apis_know_rest_framework_and_only_integrations_ask_the_network():
    wrong = []
    for name in modules():
        packages = {other.split(".")[0] for other in imports(name)}
        if "rest_framework" in packages and ".api" not in name and not name.startswith("wrong_opinions."):
            wrong.append(f"{name} imports rest_framework")
        if packages & HTTP_CLIENTS and not name.startswith("integrations."):
            wrong.append(f"{name} asks the network")

    assert wrong == []


def names_of_selections(tree: ast.Module) -> set[str]:
    """Names that only selections has, as attributes or strings."""
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {name.strip(":") for name in attributes | texts if OF_SELECTIONS.fullmatch(name)}


def test_catalog_does_not_name_what_points_at_its_works():
    wrong = [
        f"{name} names {known}"
        for name, tree in modules().items()
        if name.startswith("catalog.")
        for known in names_of_selections(tree)
    ]

    assert wrong == []


def test_the_server_starts_with_its_views_and_without_what_few_requests_need():
    done = run("-c", "import sys, wrong_opinions.wsgi; print(*sys.modules)")

    loaded = set(done.stdout.split())
    assert {"wrong_opinions.urls", "selections.api.views"} <= loaded, done.stderr
    for_few = {"prometheus_client", "requests_cache", "icalendar", "rapidfuzz", "argon2", "bcrypt", "wcwidth"}
    assert loaded & for_few == set()
