"""The server as gunicorn.conf.py sets it up, in a process of its own, with clients that misbehave."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOST = b"Host: localhost\r\n"
POST = b"POST /api/auth/login HTTP/1.1\r\n" + HOST
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a server with short deadlines, and without a database: none of these requests needs one."""
    folder, bodies = tmp_path_factory.mktemp("server"), tmp_path_factory.getbasetemp() / "bodies"
    bodies.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        environment = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}} | {
            "SECRET_KEY": "a-key-that-only-the-tests-of-the-server-use-0123456789",
            "ENV_FILE": os.devnull,
            "DATABASE_URL": f"sqlite:///{folder}/site.db",
            "CACHE_DIR": f"{folder}/cache",
            "TMPDIR": str(bodies),
            "ROOT_PATH": "/opinions",
            "WEB_CONCURRENCY": "1",
            "WEB_THREADS": "3",
            "WEB_HEAD_TIMEOUT": "3",
            "WEB_REQUEST_TIMEOUT": "4",
        }
        command = [sys.executable, "-m", "gunicorn", "--bind", f"fd://{listener.fileno()}"]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, pass_fds=[listener.fileno()]
            )
    yield address
    process.terminate()
    assert process.wait(60) == 0, (folder / "log").read_text()


def send(address, data: bytes) -> socket.socket:
    client = socket.create_connection(address, timeout=60)
    client.sendall(data)
    return client


def read(client: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer; the server closes the connection after it."""
    with client, client.makefile("rb") as stream:
        answer = stream.read()
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *headers = head.decode().split("\r\n")
    return int(status.split()[1]), dict(header.split(": ", 1) for header in headers), body


def get(address, path: str, headers: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    request = b"GET %s HTTP/1.1\r\n%sConnection: close\r\n%s\r\n" % (path.encode(), HOST, headers)
    return read(send(address, request))


def test_headers_cannot_change_where_the_site_is_mounted(server):
    assert get(server, "/api/auth/me", b"SCRIPT_NAME: /x\r\nPATH_INFO: /health\r\n")[0] == 401
    assert get(server, "/zz/api/auth/me", b"SCRIPT_NAME: /zz\r\n")[0] == 404
    assert (
        get(server, "/admin/", b"X-Forwarded-Proto: https\r\nSCRIPT_NAME: /admin\r\n")[1]["Location"]
        == "/opinions/admin/login/?next=/opinions/admin/"
    )


@pytest.mark.parametrize("root", ["/opinions", ""])  # as the proxy passes the path on, or removes it
def test_the_site_is_served_under_root_path(server, root):
    status, headers, body = get(server, f"{root}/api/nothing")
    assert (status, headers["Content-Type"]) == (404, "application/problem+json")
    assert json.loads(body)["code"] == "not_found"
    assert get(server, f"{root}/api/auth/me")[0] == 401
    assert get(server, "/opinionsapi/auth/me")[0] == 404
    assert get(server, f"{root}/admin/")[1]["Location"] == "/opinions/admin/login/?next=/opinions/admin/"
    too_large = POST.replace(b"/api/auth/login", f"{root}/api/import".encode()) + b"Content-Length: 3000000\r\n\r\n{}"
    with send(server, too_large) as client:
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):  # imports may be larger than others
            client.recv(1)


def test_stalling_clients_hold_no_thread_and_are_disconnected(server):
    stalled = [
        send(server, beginning)
        for beginning in (POST[:10], POST + b"Content-Length: 9\r\n\r\n{", POST + CHUNKED + b"\r\n9\r\n{")
        for _ in range(6)
    ]

    def drip():
        with socket.create_connection(server) as client:
            client.sendall(POST)
            client.settimeout(0.2)
            while True:  # until the server closes the connection
                client.sendall(b"a")
                try:
                    if not client.recv(1000):
                        return
                except TimeoutError:
                    continue

    dripping = threading.Thread(target=drip, daemon=True)
    dripping.start()

    answers = [get(server, "/api/auth/me")[0] for _ in range(5)]

    assert answers == [401] * 5
    for client in stalled:
        with client:
            assert client.recv(1) == b""  # the server has closed it
    dripping.join(60)
    assert not dripping.is_alive()


@pytest.mark.parametrize("path", ["/", "/reset", "/admin/login/", "/api/auth/login"])
@pytest.mark.parametrize(
    "beginning", [b"Content-Length: 3000000\r\n\r\n", CHUNKED + b"\r\n2dc6c0\r\n" + b"a" * 2_700_000]
)
def test_a_body_that_is_too_large_is_refused_before_it_has_arrived(server, path, beginning):
    head = b"POST %s HTTP/1.1\r\n%sContent-Type: multipart/form-data; boundary=x\r\n" % (path.encode(), HOST)

    status, headers, _ = read(send(server, head + beginning))

    assert status == 413
    assert headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (b"GET / HTTP/1.1\r\nno header\r\n\r\n", 400, "bad_request"),
        (POST + CHUNKED + b"\r\nxyz\r\n", 400, "bad_request"),
        (POST + CHUNKED + b"\r\n2\r\n{}x\r\n0\r\n\r\n", 400, "bad_request"),
        (POST + CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n", 400, "bad_request"),
        (b"GET /" + b"a" * 70_000, 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 12_000, 431, "headers_too_large"),
        (POST + b"Transfer-Encoding: cake\r\n\r\n", 501, "not_implemented"),
    ],
)
def test_refusals_of_the_server_itself_are_problems(server, request_, status, code):
    answer = read(send(server, request_))

    assert answer[0] == status
    assert answer[1]["Content-Type"] == "application/problem+json"
    problem = json.loads(answer[2])
    assert set(problem) == {"type", "title", "status", "detail", "code"}
    assert (problem["status"], problem["code"]) == (status, code)


def test_a_body_for_which_there_is_no_space_is_refused(server, tmp_path_factory):
    head = b"POST /opinions/api/import HTTP/1.1\r\n" + HOST
    folder, elsewhere = (tmp_path_factory.getbasetemp() / name for name in ("bodies", "elsewhere"))
    for length in (b"Content-Length: 600000\r\n\r\n", CHUNKED + b"\r\n927c0\r\n"):
        folder.rename(elsewhere)
        client = send(server, head + length + b"a" * 600_000)

        status, _, body = read(client)

        elsewhere.rename(folder)
        assert (status, json.loads(body)["code"]) == (503, "no_space")
    assert read(send(server, head + b"Content-Length: 600000\r\n\r\n" + b"a" * 600_000))[0] == 401


def test_no_response_reveals_a_version(server):
    headers = get(server, "/api/auth/me")[1]

    assert "Server" not in headers


def test_expect_100_continue(server):
    with send(server, POST.replace(b"login", b"me") + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n") as client:
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"{}GET /api/auth/me HTTP/1.0\r\n" + HOST + b"\r\n")  # and the next request behind it
        with client.makefile("rb") as stream:
            answers = stream.read()

    assert answers.count(b" 401 Unauthorized\r\n") == 2


def test_an_answer_without_a_body_leaves_the_connection_open(server):
    unchanged = b"GET /api/schema HTTP/1.1\r\n" + HOST + b"If-None-Match: *\r\n\r\n"
    last = unchanged.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with send(server, unchanged + last) as client, client.makefile("rb") as stream:
        answers = stream.read()

    assert answers.count(b" 304 Not Modified\r\n") == 2
