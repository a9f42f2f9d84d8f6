"""The quick start, as a new user runs it: in processes of its own, with files of its own."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.real_http


@pytest.fixture
def fresh(tmp_path):
    """The environment of a fresh checkout: no settings but where its files are."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "VIRTUAL_ENV"}}
    return kept | {
        "ENV_FILE": str(tmp_path / ".env"),
        "DATABASE_URL": f"sqlite:///{tmp_path}/site.db",
        "CACHE_DIR": str(tmp_path / "cache"),
        # No upstream is asked for real: these addresses refuse.
        "TMDB_BASE_URL": "http://127.0.0.1:9/3",
        "MUSICBRAINZ_BASE_URL": "http://127.0.0.1:9/ws/2",
        "COVERART_BASE_URL": "http://127.0.0.1:9",
    }


def quickstart(environment, *arguments, **options):
    command = [sys.executable, str(ROOT / "manage.py"), "quickstart", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600, **options)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(method, address, body=None, token=None, *, is_chunked=False):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    data = iter([data]) if is_chunked else data  # which urllib sends without a length
    request = urllib.request.Request(address, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=300) as response:
            content = response.read()
            return response.status, json.loads(content) if content else None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_from_nothing_to_a_first_pick(fresh, tmp_path):
    port = free_port()
    site = f"http://127.0.0.1:{port}"
    command = [sys.executable, str(ROOT / "manage.py"), "quickstart", "--port", str(port)]
    output = tmp_path / "output"
    with output.open("w") as file:
        server = subprocess.Popen(command, env=fresh, stdout=file, stderr=file, start_new_session=True)
    try:
        for _ in range(3000):
            try:
                status, health = call("GET", f"{site}/health")
                break
            except OSError:
                assert server.poll() is None, output.read_text()
                time.sleep(0.1)
        assert (status, health["status"]) == (200, "healthy")

        said = output.read_text()
        assert "TMDB_API_KEY" in said
        assert f"{site}/api/docs" in said
        passwords = dict(re.findall(r"^ +(admin|ada|ben) +(\S+) ", said, re.MULTILINE))
        assert set(passwords) == {"admin", "ada", "ben"}

        login = {"username": "ada", "password": passwords["ada"]}
        _, tokens = call("POST", f"{site}/api/auth/login", login, is_chunked=True)
        token = tokens["access_token"]
        status, week = call("GET", f"{site}/api/weeks/current", token=token)
        assert status == 200
        (first,) = [pick["movie"]["tmdb_id"] for pick in week["movies"]]
        _, found = call("GET", f"{site}/api/movies/search?query=the", token=token)
        assert found["source"] == "catalog"
        other = next(hit["tmdb_id"] for hit in found["results"] if hit["tmdb_id"] != first)
        picks = f"{site}/api/weeks/{week['id']}/movies"
        assert call("POST", picks, {"tmdb_id": other, "position": 2}, token)[0] == 201
        assert call("DELETE", f"{picks}/2", token=token) == (204, None)
        _, calendar = call("POST", f"{site}/api/weeks/calendar-token", token=token)
        assert calendar["url"].startswith(f"{site}/api/weeks.ics?")
        with urllib.request.urlopen(f"{site}/static/admin/css/base.css", timeout=300) as sheet:
            assert sheet.status == 200
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(300)


def test_again_changes_nothing(fresh, tmp_path):
    first = quickstart(fresh, "--no-serve", "--empty")
    env_file = (tmp_path / ".env").read_text()

    second = quickstart(fresh, "--no-serve")

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert re.search(r"^ +admin ", first.stdout, re.MULTILINE)
    assert "ada" not in first.stdout + second.stdout  # a sample member
    assert "There are accounts already" in second.stdout
    assert (tmp_path / ".env").read_text() == env_file
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "site.db").stat().st_mode) == 0o600
    assert re.search(r"^SECRET_KEY=\S{60,}$", env_file, re.MULTILINE)


def test_a_taken_port_is_refused_before_anything_is_done(db):
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(CommandError, match="Cannot serve on port"),
    ):
        call_command("quickstart", port=taken.getsockname()[1])

    assert not User.objects.exists()


@pytest.mark.parametrize("port", [0, -1, 99999999])
def test_an_invalid_port_is_refused(port):
    with pytest.raises(CommandError, match="Invalid port"):
        call_command("quickstart", port=port)


def test_a_folder_that_cannot_be_written(fresh, tmp_path):
    (tmp_path / "file").touch()
    for change in (
        {"ENV_FILE": f"{tmp_path}/file/.env"},
        {"DATABASE_URL": f"sqlite:///{tmp_path}/file/site.db"},
    ):
        refused = quickstart(fresh | change, "--no-serve")

        assert refused.returncode == 1
        assert "Traceback" not in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1


def test_an_env_file_without_a_key_is_left_alone(fresh, tmp_path):
    (tmp_path / ".env").write_text("DEBUG=false\n")

    refused = quickstart(fresh, "--no-serve")

    assert refused.returncode == 1
    assert "SECRET_KEY is not set" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert (tmp_path / ".env").read_text() == "DEBUG=false\n"


def test_help_writes_nothing(fresh, tmp_path):
    said = quickstart(fresh | {"SECRET_KEY": "x"}, "--help")

    assert "--no-serve" in said.stdout
    assert not (tmp_path / ".env").exists()
