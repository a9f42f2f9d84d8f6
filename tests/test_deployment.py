"""The files that run the site: Dockerfile, compose.yaml and `deploy/`. `tests/trials/proxies.py` runs some of them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

from tests.commands import run
from wrong_opinions.compression import StaticFilesStorage

ROOT = Path(__file__).resolve().parents[1]
OWN_SERVICES = ("prepare", "site", "jobs")
UNITS = sorted((ROOT / "deploy").glob("*.service"))


@pytest.fixture(scope="module")
def stages() -> list[str]:
    """The instructions of each stage of the Dockerfile, without comments."""
    text = re.sub(r"^#.*\n|\\\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    return text.split("\nFROM ")[1:]


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))


def test_the_image_contains_what_uv_lock_says_and_no_build_tools(stages):
    build, result = stages

    assert "uv sync --locked --no-dev" in build
    assert re.search(r"\buv==\d", build)
    assert not re.search(r"\b(uv|pip|apt-get|apk|gcc)\b", result)
    assert not re.search(r"^(ADD|COPY (?!--from=build))", result, re.MULTILINE)


def test_the_container_is_not_root_writes_one_volume_and_is_probed(stages):
    result = stages[-1]

    assert re.search(r"^USER (?!root|0)", result, re.MULTILINE)
    assert re.findall(r"^VOLUME (.+)$", result, re.MULTILINE) == ["/data"]
    assert re.search(r"^HEALTHCHECK .*http://127.0.0.1:8000/health", result, re.MULTILINE)
    for setting in ("DATABASE_URL=sqlite:////data/", "CACHE_DIR=/data/", "TMPDIR=/data"):
        assert setting in result


def test_secrets_and_databases_stay_out_of_the_image():
    lines = (ROOT / ".dockerignore").read_text("utf-8").split("\n")
    patterns = [line for line in lines if line and not line.startswith("#")]
    apps = {path.parent.name for path in ROOT.glob("*/apps.py")}

    assert patterns[0] == "*"
    assert {f"!{name}" for name in apps | {"templates", "uv.lock", "manage.py", "gunicorn.conf.py"}} <= set(patterns)
    assert not {pattern for pattern in patterns[1:] if re.search(r"\.env|\.db|\.git|tests|\*\.", pattern)}


def test_services_of_our_own_are_confined(compose):
    for name in OWN_SERVICES:
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["volumes"] == ["data:/data"]
        assert "ports" not in service, "only the proxy is reachable"
    named = {volume.split(":")[0] for service in compose["services"].values() for volume in service["volumes"]}
    assert {name for name in named if "/" not in name} == compose["volumes"].keys()


def test_services_and_units_run_commands_that_exist(compose):
    asked = [compose["services"][name].get("command", [])[2:3] for name in OWN_SERVICES]
    asked += [re.findall(r"^ExecStart=.* manage.py (\w+)", unit.read_text("utf-8"), re.MULTILINE) for unit in UNITS]

    assert {name for names in asked for name in names} <= get_commands().keys()


def test_requests_are_finished_before_the_site_is_killed(compose):
    grace = {compose["services"][name]["stop_grace_period"] for name in OWN_SERVICES}

    assert grace == {"40s"}
    assert all("\nTimeoutStopSec=40\n" in unit.read_text("utf-8") for unit in UNITS)


def test_postgresql_is_healthy_only_once_it_listens_to_the_site(compose):
    assert "--host=127.0.0.1" in compose["services"]["postgres"]["healthcheck"]["test"]


def test_a_server_without_workers_is_refused():
    refused = run("-m", "gunicorn", "--check-config", WEB_CONCURRENCY="0")

    assert (refused.returncode, refused.stderr) == (1, "WEB_CONCURRENCY must be 1 or more.\n")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units_are_hardened(unit):
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=30", "--no-pager", str(unit)]

    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout[-300:] + checked.stderr


def test_both_proxies_pass_the_host_on_and_buffer_requests():
    nginx, caddy = ((ROOT / "deploy" / name).read_text("utf-8") for name in ("nginx.conf", "Caddyfile"))

    assert "proxy_set_header Host $http_host;" in nginx  # $host has no port, and forms are refused
    assert "proxy_request_buffering on;" in nginx
    assert "buffer" in caddy.partition("reverse_proxy")[2]
    for header in ("X-Forwarded-Proto $scheme", "X-Forwarded-For $remote_addr"):
        assert f"proxy_set_header {header};" in nginx


def test_static_files_are_only_gzipped(tmp_path):
    """Brotli would make the quick start and the image wait for a minute."""
    file = tmp_path / "admin.css"
    file.write_text("a { color: red }\n" * 100)

    StaticFilesStorage().create_compressor(quiet=True).compress(str(file))

    assert {path.name for path in tmp_path.iterdir()} == {"admin.css", "admin.css.gz"}
