"""The quick start, as a new user runs it: in processes of its own, with files of its own."""

import contextlib
import fcntl
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
QUICKSTART = [sys.executable, str(ROOT / "manage.py"), "quickstart"]
pytestmark = pytest.mark.real_http


def environment(folder: Path) -> dict[str, str]:
    """The environment of a fresh checkout: the only settings are the paths of its files."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "VIRTUAL_ENV"}}
    return kept | {
        "ENV_FILE": f"{folder}/.env",
        "DATABASE_URL": f"sqlite:///{folder}/site.db",
        "CACHE_DIR": f"{folder}/cache",
        "WEB_CONCURRENCY": "1",
        # No real upstream is asked: these addresses refuse connections.
        "TMDB_BASE_URL": "http://127.0.0.1:9/3",
        "MUSICBRAINZ_BASE_URL": "http://127.0.0.1:9/ws/2",
        "COVERART_BASE_URL": "http://127.0.0.1:9",
    }


def quickstart(*arguments, **variables):
    return subprocess.run(
        [*QUICKSTART, *arguments], env=variables, capture_output=True, text=True, check=False, timeout=600
    )


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


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of a site that was set up from nothing, what that wrote, and the folder with its files."""
    folder = tmp_path_factory.mktemp("site")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address, output = f"http://127.0.0.1:{port}", folder / "output"
    command = [*QUICKSTART, "--port", str(port)]
    with contextlib.ExitStack() as at_the_end, Path(__file__).open() as lock, output.open("w") as file:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process of the tests would collect the same static files
        server = subprocess.Popen(command, env=environment(folder), stdout=file, stderr=file, start_new_session=True)
        at_the_end.callback(server.wait, 300)
        at_the_end.callback(os.killpg, server.pid, signal.SIGTERM)
        while True:
            try:
                assert call("GET", f"{address}/health")[1]["status"] == "healthy"
                break
            except OSError:
                assert server.poll() is None, output.read_text()
                time.sleep(0.1)
        fcntl.flock(lock, fcntl.LOCK_UN)
        yield address, output.read_text(), folder


def test_it_says_where_the_site_is_and_how_to_sign_in(site):
    address, said, _ = site

    assert "TMDB_API_KEY" in said
    assert f"{address}/api/docs" in said
    assert re.findall(r"^ +(admin|ada|ben) +\S+ ", said, re.MULTILINE) == ["admin", "ada", "ben"]


def test_its_files_are_for_their_owner_only(site):
    _, _, folder = site

    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "site.db").stat().st_mode) == 0o600
    assert re.search(r"^SECRET_KEY=\S{60,}$", (folder / ".env").read_text(), re.MULTILINE)


def test_from_nothing_to_a_first_pick(site):
    address, said, _ = site
    password = re.search(r"^ +ada +(\S+) ", said, re.MULTILINE)[1]

    _, tokens = call("POST", f"{address}/api/auth/login", {"username": "ada", "password": password}, is_chunked=True)
    token = tokens["access_token"]
    status, week = call("GET", f"{address}/api/weeks/current", token=token)
    assert status == 200
    (first,) = [pick["movie"]["tmdb_id"] for pick in week["movies"]]
    _, found = call("GET", f"{address}/api/movies/search?query=the", token=token)
    assert found["source"] == "catalog"
    other = next(hit["tmdb_id"] for hit in found["results"] if hit["tmdb_id"] != first)
    picks = f"{address}/api/weeks/{week['id']}/movies"
    assert call("POST", picks, {"tmdb_id": other, "position": 2}, token)[0] == 201
    assert call("DELETE", f"{picks}/2", token=token) == (204, None)
    _, calendar = call("POST", f"{address}/api/weeks/calendar-token", token=token)
    assert calendar["url"].startswith(f"{address}/api/weeks.ics?")
    with urllib.request.urlopen(f"{address}/static/admin/css/base.css", timeout=300) as sheet:
        assert sheet.status == 200


def test_an_empty_site_has_an_admin_and_no_sample_members_and_again_changes_nothing(db, settings, tmp_path, capsys):
    settings.STATIC_ROOT = tmp_path

    call_command("quickstart", "--no-serve", "--empty")
    first = capsys.readouterr().out
    call_command("quickstart", "--no-serve")
    again = capsys.readouterr().out

    assert User.objects.get().username == "admin"
    assert re.search(r"^ +admin +\S+ ", first, re.MULTILINE)
    assert "There are accounts already. Set a password with manage.py changepassword NAME." in again
    assert "sample member" not in first + again


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


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()

    refused = quickstart("--no-serve", **environment(tmp_path) | {"ENV_FILE": f"{tmp_path}/file/.env"})

    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_an_env_file_without_a_key_is_left_alone(tmp_path):
    (tmp_path / ".env").write_text("DEBUG=false\n")

    refused = quickstart("--no-serve", **environment(tmp_path))

    assert refused.returncode == 1
    assert "SECRET_KEY is not set" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert (tmp_path / ".env").read_text() == "DEBUG=false\n"


def test_help_writes_nothing(tmp_path):
    said = quickstart("--help", **environment(tmp_path) | {"SECRET_KEY": "x"})

    assert "--no-serve" in said.stdout
    assert not (tmp_path / ".env").exists()
