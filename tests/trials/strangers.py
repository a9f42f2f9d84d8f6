"""What strangers do to the site: stall, send without end, guess, crowd."""

import contextlib
import itertools
import re
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .site import PASSWORD, Answer, Site
from .trial import Trial

HEAD = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Unfinished: "
BODY = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"


def stalled_clients(trial: Trial) -> None:
    """20 clients stop after half a header, 20 after half a body, 5 drip: others are served, and these are closed."""
    _stall(trial, [HEAD] * 20 + [BODY] * 25, dripping=5)


def silent_clients(trial: Trial) -> None:
    """100 clients connect and send nothing at all."""
    _stall(trial, [b""] * 100)


def clients_that_do_not_read(trial: Trial) -> None:
    """24 clients ask for a large file eight times each, and read none of it."""
    _stall(trial, [b""] * 24, asking=8)


def _stall(trial: Trial, parts: list[bytes], *, dripping: int = 0, asking: int = 0) -> None:
    with trial.site() as site, contextlib.ExitStack() as stack:
        if asking:
            page = site.ask("GET", "/api/docs").body.decode()
            large = re.search(r'/static/[^"]+bundle[^"]+js', page)[0]
            parts = [f"GET {large} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * asking] * len(parts)
        begin, stalled = time.monotonic(), []
        for part in parts:
            client = stack.enter_context(socket.socket())
            if asking:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.connect(("127.0.0.1", site.port))
            client.sendall(part)
            stalled.append(client)
        is_over = threading.Event()
        stack.callback(is_over.set)
        threading.Thread(target=drip, args=[stalled[len(stalled) - dripping :], is_over]).start()
        time.sleep(2)
        ask_five_times(trial, site, "at once")
        time.sleep(max(0, begin + 40 - time.monotonic()))
        ask_five_times(trial, site, "40 s later")
        if not asking:  # those who read nothing do not see that they were closed
            closed = sum(map(_is_closed, stalled))
            trial.expect(f"{closed} of {len(stalled)} stalled connections are closed", closed == len(stalled))


def drip(clients: list[socket.socket], is_over: threading.Event) -> None:
    while not is_over.wait(1):
        for client in clients:
            with contextlib.suppress(OSError):
                client.sendall(b" ")


def _is_closed(client: socket.socket) -> bool:
    client.settimeout(0.1)
    try:
        while client.recv(65536):  # a last answer, such as 408
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def ask_five_times(trial: Trial, site: Site, when: str) -> None:
    answers = [site.ask("GET", "/health", timeout=10) for _ in range(5)]
    slowest = max(answer.seconds for answer in answers)
    fine = all(answer.status == 200 for answer in answers) and slowest <= 2
    statuses = [answer.status for answer in answers]
    trial.expect(f"five requests {when}: {statuses}, the slowest in {slowest:.2f} s (at most 2 s)", fine)


def endless_uploads(trial: Trial) -> None:
    """Multipart bodies of 10 GB to pages that take none are refused before they are read."""
    with trial.site() as site:
        for path in ("/", "/reset", "/admin/login/", "/api/auth/login"):
            for chunked in (False, True):
                status, megabytes, stored = upload(site, path, chunked=chunked)
                kind = "chunked" if chunked else "announced"
                trial.expect(
                    f"{path}, {kind}: {status or 'cut'} after {megabytes:.1f} MB (at most 12), "
                    f"{stored:.1f} MB in temporary files (at most 3)",
                    status in (0, 400, 403, 405, 411, 413) and megabytes <= 12 and stored <= 3,
                )
        trial.expect("the site is healthy afterwards", site.is_healthy_within(2))


def upload(site: Site, path: str, *, chunked: bool) -> tuple[int, float, float]:
    """The status, the megabytes that went out before it came, and those that lay in temporary files meanwhile."""
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {10**10}"
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Cookie: csrftoken={'c' * 32}",  # without it Django does not look for a token in the body
        "Content-Type: multipart/form-data; boundary=b",
        length,
    ]
    head = "".join(f"{line}\r\n" for line in [*lines, ""])
    first = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
    sent, stored, block = 0, 0.0, bytes(2**16)
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as client:
        try:
            client.sendall(head.encode())
            for piece in itertools.chain([first], itertools.repeat(block)):
                client.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                sent += len(piece)
                stored = max(stored, megabytes_in(site.folder / "tmp"))
                client.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    if client.recv(1, socket.MSG_PEEK):
                        break
                client.settimeout(10)
                if sent > 60 * 10**6:
                    return 0, sent / 1e6, stored
            client.settimeout(10)
            return int(client.recv(65536).split()[1]), sent / 1e6, stored
        except (OSError, IndexError):
            return 0, sent / 1e6, stored


def megabytes_in(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # a temporary file that has gone meanwhile
            total += path.stat().st_size
    return total / 1e6


def spoofed_paths(trial: Trial) -> None:
    """A client's SCRIPT_NAME and PATH_INFO headers change neither what is served nor what a mail links to."""
    with trial.site() as site:
        health = site.ask("GET", "/health", headers={"SCRIPT_NAME": "/x"}).status
        trial.expect(f"GET /health with SCRIPT_NAME: /x is {health} (not 500)", health in (200, 400))
        prefixed = site.ask("GET", "/zz/health", headers={"SCRIPT_NAME": "/zz"}).status
        trial.expect(f"GET /zz/health with SCRIPT_NAME: /zz is {prefixed} (not 200)", prefixed in (400, 404))
        moved = site.ask("GET", "/nothing", headers={"PATH_INFO": "/health"}).status
        trial.expect(f"GET /nothing with PATH_INFO: /health is {moved} (not 200)", moved in (400, 404))
        address = {"email": "member0@example.org"}
        site.ask("POST", "/evil/api/auth/password-reset", address, headers={"SCRIPT_NAME": "/evil"})
        time.sleep(2)  # mail goes out in a thread of its own
        trial.expect("no mail links to /evil/reset", "/evil/" not in site.log())


def schema_at_once(trial: Trial) -> None:
    """The OpenAPI document, 36 times, six at a time."""
    with trial.site() as site:
        answers = _at_once([lambda: site.ask("GET", "/api/schema")] * 36, 6)
        statuses = [answer.status for answer in answers]
        different = len({answer.body for answer in answers})
        trial.expect(f"36 answers: {statuses.count(200)} are 200", statuses.count(200) == 36)
        trial.expect(f"{different} different documents (one)", different == 1)
        trial.expect("each has an ETag", all("etag" in map(str.lower, answer.headers) for answer in answers))
        quick = sorted(site.ask("GET", "/api/schema").seconds for _ in range(21))[10]
        trial.note(f"median of 21 later ones, one after another: {1000 * quick:.1f} ms with the connection")


def strangers_signing_in(trial: Trial) -> None:
    """16 strangers at 16 addresses sign in at once, three times over: memory stays bounded."""
    with trial.site(LOGIN_RATE="10/min") as site:
        before = site.peak()
        guesses = [
            lambda n=n: site.sign_in(f"member{n % 8}", "a wrong password", client=f"127.0.1.{n + 1}")
            for n in range(16)
        ]  # fmt: skip
        answers = [answer for _ in range(3) for answer in _at_once(guesses, 16)]
        _expect_refusals(trial, answers)
        peak = site.peak()
        trial.expect(f"the largest worker had {peak:.0f} MB at worst (at most 350), {before:.0f} before", peak <= 350)


def _expect_refusals(trial: Trial, answers: list[Answer]) -> None:
    statuses = {answer.status for answer in answers}
    slowest = max(answer.seconds for answer in answers)
    trial.expect(f"{len(answers)} wrong passwords: only {statuses} of 401 and 429, the slowest in {slowest:.1f} s",
                 statuses <= {401, 429})  # fmt: skip


def lock_out(trial: Trial) -> None:
    """While strangers guess without pause, the owner signs in from where they have signed in before."""
    with trial.site(LOGIN_RATE="10/min") as site:
        owner = "127.0.2.1"
        known = site.sign_in(client=owner)
        trial.expect(f"the owner's first sign-in: {known.status}", known.status == 200)
        is_over, guesses = threading.Event(), []

        def guess(number: int) -> None:
            for attempt in itertools.count():
                if is_over.wait(0.2):
                    return
                guesses.append(site.sign_in(password=f"guess {attempt}", client=f"127.0.3.{number}"))

        strangers = [threading.Thread(target=guess, args=[number]) for number in (1, 2, 3)]
        for stranger in strangers:
            stranger.start()
        end, signed_in = time.monotonic() + max(20, trial.seconds), []
        while time.monotonic() < end:
            time.sleep(3)
            signed_in.append(site.sign_in(client=owner))
        is_over.set()
        for stranger in strangers:
            stranger.join()
        _expect_refusals(trial, guesses)
        statuses = [answer.status for answer in signed_in]
        trial.expect(f"{len(statuses)} sign-ins of the owner: {sorted(set(statuses))}", set(statuses) == {200})
        refused = next((guess for guess in guesses if guess.status == 429), None)
        if refused:
            detail = refused.json()["detail"]
            trial.expect(f"the strangers read how long: {detail!r}", bool(re.search(r"\d+ (second|minute)", detail)))
        elsewhere = site.sign_in(password=PASSWORD, client="127.0.2.2").status
        trial.note(f"the owner from an address that is new, which is not promised: {elsewhere}")


def _at_once(asked: list[Callable[[], Answer]], width: int) -> list[Answer]:
    with ThreadPoolExecutor(width) as pool:
        return [future.result() for future in [pool.submit(ask) for ask in asked]]
