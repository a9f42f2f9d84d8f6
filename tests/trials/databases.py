"""Databases for trials, each a copy of one that was migrated once and has a few members."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from .site import MEMBERS, PASSWORD, Site
from .trial import LeftOut

FILL = f"""
from accounts.models import User
from django.contrib.auth.hashers import make_password
password = make_password({PASSWORD!r})
for n in range({MEMBERS}):
    User.objects.create(username=f"member{{n}}", email=f"member{{n}}@example.org", password=password)
"""


def prepare(root: Path, folder: Path, url: str) -> None:
    site = Site(root, folder, 0, url)
    site.manage("migrate", "--verbosity=0")
    site.manage("collectstatic", "--no-input", "--verbosity=0")
    site.manage("shell", "--verbosity=0", "-c", FILL)


class Sqlite:
    vendor = "sqlite"

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        self.template = folder / "template.db"
        prepare(root, folder, f"sqlite:///{self.template}")

    def fresh(self, name: str, folder: Path | None = None) -> str:
        """The address of a new database, in a folder of its own or the one that is given."""
        place = folder or self.folder / name
        place.mkdir(exist_ok=True)
        self.path = place / "site.db"
        shutil.copyfile(self.template, self.path)
        return f"sqlite:///{self.path}"

    def close(self) -> None:
        pass


class PostgreSQL:
    """A cluster of its own, which can be killed."""

    vendor = "postgresql"

    def __init__(self, root: Path, folder: Path) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        programs = [shutil.which("initdb"), *(str(path / "initdb") for path in reversed(found))]
        initdb = next(filter(None, programs), None)
        if initdb is None:
            raise LeftOut("PostgreSQL's programs are not installed")
        self.programs = Path(initdb).resolve().parent
        self.cluster = folder / "cluster"
        self.cluster.mkdir(mode=0o755)
        self.data = self.cluster / "data"
        if os.getuid() == 0:
            shutil.chown(self.cluster, "postgres")
        self.run("initdb", "--auth=trust", "--encoding=UTF8", "--username=postgres", "-D", str(self.data))
        self.start()
        self.query("CREATE DATABASE template_site")
        prepare(root, folder, self.url("template_site"))

    def url(self, name: str) -> str:
        return f"postgres://postgres@/{name}?host={self.cluster}"

    def run(self, program: str, *arguments: str) -> str:
        as_owner = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        command = [*as_owner, str(self.programs / program), *arguments]
        done = subprocess.run(command, cwd=self.cluster, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")
        return done.stdout

    def query(self, sql: str) -> str:
        return self.run("psql", "-h", str(self.cluster), "-U", "postgres", "-Atc", sql, "postgres").strip()

    def fresh(self, name: str, folder: Path | None = None) -> str:
        where = ""
        if folder:
            shutil.chown(folder, "postgres")
            self.query(f"CREATE TABLESPACE {name} LOCATION '{folder}'")
            where = f" TABLESPACE {name}"
        self.query(f"CREATE DATABASE {name} TEMPLATE template_site{where}")
        return self.url(name)

    def start(self) -> None:
        options = f"-c listen_addresses='' -c max_connections=100 -k {self.cluster}"
        arguments = ["-D", str(self.data), "-w", "-l", str(self.cluster / "log"), "-o", options, "start"]
        for _ in range(10):  # after a kill, the last processes of the old server may not have ended yet
            try:
                self.run("pg_ctl", *arguments)
                return
            except RuntimeError as error:
                failure = error
                time.sleep(0.5)
        raise failure

    def kill(self) -> None:
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        self.run("pg_ctl", "-D", str(self.data), "-m", "immediate", "stop")


DATABASES = {"sqlite": Sqlite, "postgresql": PostgreSQL}
