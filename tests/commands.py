"""manage.py in processes of its own, untouched by the settings and the database of the tests."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from subprocess import CompletedProcess

ROOT = Path(__file__).resolve().parents[1]
KEY = "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Loading the site takes far longer than most commands, so that these are forks of a process that has loaded it.
RUN_EACH = """
import os, runpy, sys
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "wrong_opinions.settings"
django.setup()
import wrong_opinions.urls
folder, *commands = sys.argv[1:]
for number, command in enumerate(commands):
    if os.fork() == 0:
        for descriptor in (1, 2):
            os.dup2(os.open(f"{folder}/{number}-{descriptor}", os.O_WRONLY | os.O_CREAT), descriptor)
        sys.argv = ["manage.py", *command.split()]
        runpy.run_path("manage.py", run_name="__main__")
        sys.exit()
    print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def environment_of(**changes: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"ENV_FILE": os.devnull, "SECRET_KEY": KEY, "DATABASE_URL": "sqlite:///:memory:"} | changes


def run(*arguments: str, **environment: str) -> CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment_of(**environment),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def manage(*arguments: str, **environment: str) -> CompletedProcess:
    """The result of a command."""
    return run("manage.py", *arguments, **environment)


def manage_each(*commands: str, **environment: str) -> list[CompletedProcess]:
    """The results of several commands, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        done = run("-c", RUN_EACH, folder, *commands, **environment)
        assert not done.returncode, done.stderr
        return [
            CompletedProcess(command, int(code), *(Path(f"{folder}/{number}-{n}").read_text() for n in (1, 2)))
            for number, (command, code) in enumerate(zip(commands, done.stdout.split(), strict=True))
        ]
