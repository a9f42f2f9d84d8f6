"""The ways to run the site, each from a fresh clone and timed: the quick start, the unit of `deploy/` behind a proxy,
and the container; and an update with its way back.

    uv run python -m tests.trials.ways [--database sqlite|postgresql] [--only quick_start] [--port N]

Packages come from uv's cache or the registry. The container is built by Debian's buildah on the image in BASE (by
default the Dockerfile's), and run by `unshare` with a read-only root, and with the user, environment and commands of
Dockerfile and compose.yaml. That tries neither Docker nor compose. What this machine cannot do is left out.
"""

import contextlib
import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from .databases import FILL, PostgreSQL
from .edges import main
from .proxies import Front, caddy, needs, nginx, running, sign_in_to_the_admin
from .site import PASSWORD, Site
from .trial import LeftOut, Trial

BUILDAH = {"BUILDAH_ISOLATION": "chroot"}


def clone(trial: Trial) -> Path:
    place = trial.folder / "clone"
    call(["git", "clone", "--quiet", str(trial.root), str(place)])
    return place


def call(command: list[str], place: Path | None = None, **environ: str) -> str:
    """The output of a command that succeeds, without the settings of this process."""
    clean = {name: value for name, value in os.environ.items() if name not in {"SECRET_KEY", "VIRTUAL_ENV"}}
    done = subprocess.run(command, cwd=place, env=clean | environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)[:100]} failed: {done.stderr[-1500:]}")
    return done.stdout


def empty_database(trial: Trial) -> str:
    if isinstance(trial.database, PostgreSQL):
        trial.database.query(f"CREATE DATABASE {trial.name}")
        return trial.database.url(trial.name)
    return f"sqlite:///{trial.folder}/{trial.name}.db"


def expect_administrator(trial: Trial, front: Site, output: str) -> None:
    """That the password that was printed signs an administrator in."""
    password = next(iter(re.findall(r"^ +admin +(\S+) ", output, re.MULTILINE)), "")
    status = front.sign_in("admin", password).status
    trial.expect(f"the administrator whose password was printed signs in: {status}", status == 200)


def quick_start(trial: Trial) -> None:
    """The README's first command."""
    begin, place = time.monotonic(), clone(trial)
    command = ["uv", "run", "manage.py", "quickstart", "--port", str(trial.port)]
    environ = {name: value for name, value in os.environ.items() if name not in {"SECRET_KEY", "VIRTUAL_ENV"}}
    environ |= {"DATABASE_URL": empty_database(trial), "PYTHONUNBUFFERED": "1"}
    with running(command, trial.folder, trial.port, seconds=300, place=place, environ=environ):
        site = Site(place, trial.folder, trial.port, "")
        ready = site.is_healthy_within(60)
        trial.expect(f"it serves after {time.monotonic() - begin:.0f} s", ready)
        expect_administrator(trial, site, (trial.folder / "uv.log").read_text())


def bare_metal(trial: Trial) -> None:
    """docs/deployment.md's commands, the ExecStart of the unit, and a proxy in front of it."""
    proxy = nginx if shutil.which("nginx") else caddy
    begin, place, port = time.monotonic(), clone(trial), trial.port + 2
    lines = {
        "SECRET_KEY": secrets.token_urlsafe(50), "SITE_URL": f"https://localhost:{port}", "HTTPS": "true",
        "DATABASE_URL": empty_database(trial), "CACHE_DIR": str(trial.folder / "cache"),
        "EMAIL_URL": "smtp+tls://127.0.0.1:9",
    }  # fmt: skip
    (place / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    call(["uv", "sync", "--quiet", "--no-dev", "--extra", "postgres"], place)
    for command in ("migrate --verbosity=0", "collectstatic --no-input --verbosity=0", "check --deploy",
                    "createsuperuser --no-input --username=root --email=root@example.org"):  # fmt: skip
        manage = ["uv", "run", "--no-sync", "manage.py", *command.split()]
        call(manage, place, DJANGO_SUPERUSER_PASSWORD=PASSWORD)
    start, run_jobs = (
        re.search(r"^ExecStart=(.+)$", (place / f"deploy/{name}.service").read_text(), re.MULTILINE)[1]
        .replace("/srv/wrong-opinions", str(place))
        .split()
        for name in ("wrong-opinions", "wrong-opinions-jobs")
    )
    environ = {"PATH": os.environ["PATH"]}
    with (
        running([*start, f"--bind=127.0.0.1:{trial.port}"], trial.folder, trial.port, place=place, environ=environ),
        proxy(trial, port, "") as certificate,
    ):
        front = Front(Site(place, trial.folder, trial.port, ""), port, certificate, "")
        ready = front.is_healthy_within(60)
        trial.expect(f"it serves behind {proxy.__name__} after {time.monotonic() - begin:.0f} s", ready)
        sign_in_to_the_admin(trial, front)
        call([*run_jobs, "--once"], place)
        trial.expect("the regular jobs succeed", True)


def update_and_back(trial: Trial) -> None:
    """docs/deployment.md's update from the version before the last migration (or FROM), and the way back."""
    place = clone(trial)
    newest = ["git", "log", "-1", "--format=%H^", "--diff-filter=A", "--", "*/migrations/0*.py"]
    old = os.environ.get("FROM") or call(newest, place).strip()
    new, backup = call(["git", "rev-parse", "HEAD"], place).strip(), str(trial.folder / "before.db")
    site = Site(place, trial.folder, trial.port, empty_database(trial))
    call(["git", "checkout", "--quiet", old], place)
    site.manage("migrate", "--verbosity=0")
    site.manage("shell", "-c", FILL)
    with site:
        token = site.sign_in().json()["access_token"]
        before = site.ask("POST", "/api/weeks", {"year": 2026, "week_number": 1}, token=token).json()["id"]
    site.manage("backup", backup)
    call(["git", "checkout", "--quiet", new], place)
    begin = time.monotonic()
    site.manage("migrate", "--verbosity=0")
    with site:
        ready = site.is_healthy_within(60)
        trial.expect(f"updated and serving after {time.monotonic() - begin:.0f} s", ready)
        kept = site.ask("GET", f"/api/weeks/{before}", token=token).status
        trial.expect(f"with the token and the week from before: {kept}", kept == 200)
        site.ask("POST", "/api/weeks", {"year": 2026, "week_number": 2}, token=token)
    call(["git", "checkout", "--quiet", old], place)
    site.manage("restore", backup, "--force")
    with site:
        total = site.ask("GET", "/api/weeks?owner=me", token=token).json()["total"]
        trial.expect(f"gone back, the old version serves the backup's {total} week (1)", total == 1)


def container(trial: Trial) -> None:
    """The image, and the commands of compose.yaml in it."""
    needs("buildah", "unshare", "chroot")
    if os.getuid():
        raise LeftOut("only root can mount a read-only root")
    begin, place = time.monotonic(), clone(trial)
    base = ["--build-arg", f"BASE={os.environ['BASE']}"] if "BASE" in os.environ else []
    try:
        call(["buildah", "build", "--quiet", "--format=docker", *base, "--volume=/etc/ssl/certs:/etc/ssl/certs:ro",
              "--tag=wrong-opinions-trial", str(place)], **BUILDAH)  # fmt: skip
    except RuntimeError as error:
        raise LeftOut(f"the image cannot be built here: {error}") from None
    listed = json.loads(call(["buildah", "images", "--json", "wrong-opinions-trial"], **BUILDAH))
    trial.expect(f"the image has {listed[0]['size']} (at most 250 MB)", float(listed[0]["size"].split()[0]) <= 250)
    config = json.loads(call(["buildah", "inspect", "--type=image", "wrong-opinions-trial"], **BUILDAH))["Docker"][
        "config"
    ]
    compose = yaml.safe_load((place / "compose.yaml").read_text())["services"]
    lines = {"SECRET_KEY": secrets.token_urlsafe(50), "SITE_URL": f"https://localhost:{trial.port}"}
    with image_root() as root:
        volume = trial.folder / "volume"
        volume.mkdir()
        shutil.chown(volume, 10001, 10001)
        environ = dict(line.split("=", 1) for line in config["Env"]) | lines
        within = [f"mount --bind {volume} {root}/data"]
        if isinstance(trial.database, PostgreSQL):
            within.append(f"mount --bind {trial.database.cluster} {root}/mnt")
            environ["BACKUP_DIR"] = ""  # there is no pg_dump
            environ["DATABASE_URL"] = empty_database(trial).replace(str(trial.database.cluster), "/mnt")

        def inside(command: list[str]) -> list[str]:
            mounts = [f"mount --bind {root} {root}", f"mount -o remount,bind,ro {root}", *within,
                      f"mount -t proc proc {root}/proc", f"mount --bind /dev {root}/dev"]  # fmt: skip
            chroot = ["chroot", "--userspec=10001:10001", root, "env", f"--chdir={config['WorkingDir']}", *command]
            return ["unshare", "--mount", "sh", "-ec", f"{' && '.join(mounts)} && exec {shlex.join(chroot)}"]

        https = compose["site"]["environment"]
        output = call(inside(compose["prepare"]["command"]), **environ, **https)
        serve = [config["Cmd"][0], f"--bind=127.0.0.1:{trial.port}"]
        with running(inside(serve), trial.folder, trial.port, environ=environ | https):
            site = Site(place, trial.folder, trial.port, "")
            ready = site.is_healthy_within(60)
            trial.expect(f"it serves after {time.monotonic() - begin:.0f} s", ready)
            written = subprocess.run(inside(["touch", "/app/x", "/tmp/x"]), capture_output=True, text=True, check=False)
            trial.expect("nothing but the volume can be written", written.stderr.count("Read-only file system") == 2)
            call(inside([*compose["jobs"]["command"], "--once"]), **environ, **https)
            backups = list((volume / "backups").glob("*"))
            trial.expect(
                f"the regular jobs succeed, and made {len(backups)} backup", len(backups) == bool(environ["BACKUP_DIR"])
            )
            probe = shlex.join(config["Healthcheck"]["Test"][1:]).replace(":8000/", f":{trial.port}/")
            healthy = subprocess.run(
                inside(shlex.split(probe)), env=environ, capture_output=True, check=False
            ).returncode
            trial.expect(f"its HEALTHCHECK ends with {healthy}", healthy == 0)
            password = next(iter(re.findall(r"^ +admin +(\S+) ", output, re.MULTILINE)), "")
            forwarded = {"X-Forwarded-Proto": "https", "Host": "localhost"}
            login = {"username": "admin", "password": password}
            status = site.ask("POST", "/api/auth/login", login, headers=forwarded).status
            trial.expect(f"the administrator whose password `prepare` printed signs in: {status}", status == 200)


@contextlib.contextmanager
def image_root() -> Iterator[str]:
    """The image's files, in a folder."""
    name = call(["buildah", "from", "wrong-opinions-trial"], **BUILDAH).strip()
    try:
        yield call(["buildah", "mount", name], **BUILDAH).strip()
    finally:
        call(["buildah", "rm", name], **BUILDAH)


if __name__ == "__main__":
    main([quick_start, bare_metal, update_and_back, container], __doc__)
