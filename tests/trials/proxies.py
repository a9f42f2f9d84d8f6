"""The files of `deploy/` as they are, but for ports and certificates: nginx and Caddy in front of the site, at its root
and under a path, and PgBouncer before PostgreSQL. Signs in to the admin and the API through them, while clients stall.

    uv run python -m tests.trials.proxies [--database sqlite|postgresql] [--only nginx|caddy] [--port N]

Needs Debian's nginx, caddy, openssl and, for PostgreSQL, pgbouncer; what is missing is left out, with the reason.
"""

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import requests

from .databases import PostgreSQL
from .edges import main
from .site import PASSWORD, Site
from .strangers import BODY, HEAD, ask_five_times
from .trial import LeftOut, Trial

SUPERUSER = f"from accounts.models import User; User.objects.create_superuser('root', 'root@example.org', {PASSWORD!r})"


class Front(Site):
    """What the proxy shows of a site."""

    def __init__(self, site: Site, port: int, certificate: Path, root: str) -> None:
        self.site, self.port, self.root = site, port, root
        self.url = f"https://localhost:{port}{root}"
        self.tls = ssl.create_default_context(cafile=str(certificate))
        self.browser = requests.Session()
        self.browser.verify = str(certificate)
        self.browser.trust_env = False  # an environment's own authorities would come first

    def connection(self, client: str, timeout: float) -> http.client.HTTPConnection:
        return http.client.HTTPSConnection("localhost", self.port, timeout=timeout, context=self.tls)

    def ask(self, method: str, path: str, *arguments, **options):
        return super().ask(method, self.root + path, *arguments, **options)


def needs(*programs: str) -> None:
    if missing := [program for program in programs if not shutil.which(program)]:
        raise LeftOut(f"not installed: {', '.join(missing)}")


@contextlib.contextmanager
def running(
    command: list[str], folder: Path, port: int, *, seconds: float = 10, place: Path | None = None,
    environ: dict[str, str] | None = None,
) -> Iterator[None]:  # fmt: skip
    """A program in the foreground, once it listens; its output is in a file of its name in the folder."""
    with (folder / f"{Path(command[0]).name}.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=place, env=environ, stdout=log, stderr=log, start_new_session=True
        )  # fmt: skip
    try:
        end = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        else:
            raise RuntimeError(f"{command[0]} does not start: {Path(log.name).read_text()[-1000:]}")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(40)


def certificate(folder: Path) -> tuple[Path, Path]:
    needs("openssl")
    key, pem = folder / "opinions.key", folder / "opinions.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", pem, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, pem


@contextlib.contextmanager
def nginx(trial: Trial, port: int, root: str) -> Iterator[Path]:
    """deploy/nginx.conf on a port; gives the certificate."""
    needs("nginx")
    key, pem = certificate(trial.folder)
    text = (trial.root / "deploy/nginx.conf").read_text()
    for there, here in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "server_name opinions.example.org": "server_name localhost",
        "/etc/ssl/opinions.pem": str(pem),
        "/etc/ssl/opinions.key": str(key),
        "/var/log/nginx": str(trial.folder),
        "127.0.0.1:8000": f"127.0.0.1:{trial.port}",
        "location / {": f"location {root or '/'} {{",
    }.items():
        assert there in text, f"deploy/nginx.conf has no {there!r}"
        text = text.replace(there, here)
    temporary = " ".join(f"{name}_temp_path {trial.folder}/{name};" for name in ("client_body", "proxy"))
    (trial.folder / "nginx.conf").write_text(
        f"user {'nobody nogroup' if os.getuid() == 0 else ''}; daemon off; pid {trial.folder}/nginx.pid;\n"
        f"error_log stderr; events {{}}\nhttp {{ {temporary}\n{text}\n}}\n"
    )
    with running(["nginx", "-e", "stderr", "-c", str(trial.folder / "nginx.conf")], trial.folder, port):
        yield pem


@contextlib.contextmanager
def caddy(trial: Trial, port: int, root: str) -> Iterator[Path]:
    """deploy/Caddyfile on a port; gives the certificate of the authority that Caddy makes for itself."""
    needs("caddy")
    text = (trial.root / "deploy/Caddyfile").read_text()
    options = f"{{\n\tadmin off\n\thttp_port {port + 1}\n"
    (trial.folder / "Caddyfile").write_text(text.replace("{\n", options, 1))
    command = ["caddy", "run", "--config", str(trial.folder / "Caddyfile"), "--adapter", "caddyfile"]
    environ = os.environ | {
        "SITE_URL": f"https://localhost:{port}", "UPSTREAM": f"127.0.0.1:{trial.port}",
        "HOME": str(trial.folder), "XDG_DATA_HOME": str(trial.folder), "XDG_CONFIG_HOME": str(trial.folder),
    }  # fmt: skip
    with running(command, trial.folder, port, environ=environ):
        yield trial.folder / "caddy/pki/authorities/local/root.crt"


@contextlib.contextmanager
def database(trial: Trial, name: str) -> Iterator[dict[str, str]]:
    """The settings of a new database; of PostgreSQL's behind PgBouncer in transaction mode."""
    url = trial.database.fresh(name)
    if not isinstance(trial.database, PostgreSQL):
        yield {"DATABASE_URL": url}
        return
    needs("pgbouncer")
    port, folder = trial.port + 4, trial.database.cluster
    (folder / "userlist.txt").write_text('"postgres" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={folder}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        f"unix_socket_dir =\nauth_type = trust\nauth_file = {folder}/userlist.txt\npool_mode = transaction\n"
        "query_wait_timeout = 1\nserver_login_retry = 1\n"
    )
    as_owner = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    with running([*as_owner, "pgbouncer", str(folder / "pgbouncer.ini")], trial.folder, port):
        yield {"DATABASE_URL": f"postgres://postgres@127.0.0.1:{port}/{name}", "DATABASE_DIRECT_URL": url}


def behind(trial: Trial, proxy, root: str) -> None:
    port = trial.port + 2
    # At the root without SITE_URL, so that it is the proxy that keeps the port.
    settings = {"SITE_URL": f"https://localhost:{port}{root}", "ROOT_PATH": root} if root else {}
    name = f"{trial.name}_{'path' if root else 'root'}"
    with contextlib.ExitStack() as stack:
        urls = stack.enter_context(database(trial, name))
        site = Site(trial.root, trial.folder, trial.port, database_url="", **settings, **urls, HTTPS="true")
        site.manage("shell", "--verbosity=0", "-c", SUPERUSER)
        pem = stack.enter_context(proxy(trial, port, root))
        stack.enter_context(site)
        front = Front(site, port, pem, root)
        trial.note(f"{front.url}{' and PgBouncer' if len(urls) > 1 else ''}")
        sign_in_to_the_admin(trial, front)
        use_the_api(trial, front)
        if root:
            follow_a_link_in_a_mail(trial, front)
        stall(trial, front)


def sign_in_to_the_admin(trial: Trial, front: Front) -> None:
    page = front.browser.get(f"{front.url}/admin/")
    form = {"username": "root", "password": PASSWORD, "csrfmiddlewaretoken": front.browser.cookies["csrftoken"]}
    headers = {"Origin": front.url.removesuffix(front.root), "Referer": page.url}
    page = front.browser.post(page.url, form | {"next": f"{front.root}/admin/"}, headers=headers)
    trial.expect(f"the admin's sign-in leads to {page.url}: {page.status_code}",
                 (page.status_code, page.url) == (200, f"{front.url}/admin/"))  # fmt: skip
    files = re.findall(r'(?:href|src)="([^"]*/static/[^"]+)"', page.text)
    statuses = {front.browser.get(f"https://localhost:{front.port}{file}").status_code for file in files}
    under = all(file.startswith(f"{front.root}/static/") for file in files)
    trial.expect(
        f"its {len(files)} static files are under {front.root}/static: {statuses}", statuses == {200} and under
    )
    paths = {cookie.path for cookie in front.browser.cookies}
    trial.expect(f"cookies are for {paths}", paths == {front.root or "/"})


def use_the_api(trial: Trial, front: Front) -> None:
    login = {"username": "member0", "password": PASSWORD}
    answer = front.ask("POST", "/api/auth/login", login, headers={"X-Forwarded-For": "203.0.113.9"})
    me = front.ask("GET", "/api/auth/me", token=answer.json()["access_token"]).status
    trial.expect(
        f"the API's sign-in is {answer.status}, and its token is good: {me}", (answer.status, me) == (200, 200)
    )
    trial.expect("an address that the client makes up is in no log", "203.0.113.9" not in front.site.log())
    nothing = front.ask("GET", "/api/nothing")
    trial.expect(f"an unknown address of the API is a problem: {nothing.status}",
                 nothing.status == 404 and nothing.json()["code"] == "not_found")  # fmt: skip
    page = front.ask("GET", "/api/docs")
    schema = front.ask("GET", "/api/schema").json()
    servers = [server["url"] for server in schema.get("servers", [])]
    script = front.ask(
        "GET", f"/api/docs{(re.search(r'api/docs([?]script=[^"]*)"', page.body.decode()) or [0, ''])[1]}"
    )
    trial.expect(
        "/api/docs reads the document from the same path", f'"{front.root}/api/schema"' in script.body.decode()
    )
    trial.expect(f"whose servers are {servers}", servers == ([front.root] if front.root else []))
    too_large = front.ask("POST", "/api/auth/login", {"username": "a" * 3_000_000}).status
    trial.expect(f"a body of 3 MB is {too_large}", too_large == 413)


def follow_a_link_in_a_mail(trial: Trial, front: Front) -> None:
    front.ask("POST", "/api/auth/password-reset", {"email": "member0@example.org"})
    time.sleep(2)  # mail goes out in a thread of its own
    link = next(iter(re.findall(r"https://\S+/reset/\S+", front.site.log())), "")
    page = front.browser.get(link, timeout=10) if link else None
    trial.expect(f"a mail leads to {link.rpartition('/')[0]}/…: {page and page.status_code}",
                 link.startswith(f"{front.url}/reset/") and page.status_code == 200)  # fmt: skip
    log = front.site.folder / "opinions.log"
    if log.exists():
        trial.expect("the link is not in the proxy's log", "/reset/" not in log.read_text())


def stall(trial: Trial, front: Front) -> None:
    """20 clients stop after half a header, 20 after half a body: the site does not hear of them."""
    with contextlib.ExitStack() as stack:
        for part in [HEAD] * 20 + [BODY] * 20:
            plain = stack.enter_context(socket.create_connection(("127.0.0.1", front.port)))
            client = stack.enter_context(front.tls.wrap_socket(plain, server_hostname="localhost"))
            client.sendall(part.replace(b" /", f" {front.root}/".encode(), 1))
        time.sleep(2)
        reached = connections_to(front.site.port)
        trial.expect(f"of 40 stalled clients {reached} reach the site (at most 2 idle connections)", reached <= 2)
        ask_five_times(trial, front, "through the proxy")


def connections_to(port: int) -> int:
    """Established connections to a port on 127.0.0.1."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2] == f"0100007F:{port:04X}" and row[3] == "01" for row in rows)


def behind_nginx(trial: Trial) -> None:
    """deploy/nginx.conf, at the root and under a path."""
    behind(trial, nginx, "")
    behind(trial, nginx, "/opinions")


def behind_caddy(trial: Trial) -> None:
    """deploy/Caddyfile, at the root and under a path."""
    behind(trial, caddy, "")
    behind(trial, caddy, "/opinions")


if __name__ == "__main__":
    main([behind_nginx, behind_caddy], __doc__)
