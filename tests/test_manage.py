"""manage.py itself: what it says where a command cannot go on."""

import subprocess
import sys

import pytest

from tests.commands import ROOT, environment_of, manage


def shell(command, **environment):
    return subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" manage.py {command}'],
        env=environment_of(**environment),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_full_disk_for_the_output_is_a_sentence():
    done = shell("shell -v0 -c 'print(1)' > /dev/full")

    assert done.returncode == 1
    assert done.stderr == "The command failed: [Errno 28] No space left on device.\n"


def test_a_reader_may_close_the_pipe():
    done = shell("shell -v0 -c 'print(\"x\" * 1_000_000)' | true")

    assert "Traceback" not in done.stderr
    assert "BrokenPipeError" not in done.stderr


def test_interrupting_a_command_is_no_failure_of_the_code():
    heed = "signal.signal(signal.SIGINT, signal.default_int_handler)"  # shells let background jobs ignore it
    done = manage("shell", "-v0", "-c", f"import os, signal; {heed}; os.kill(os.getpid(), signal.SIGINT)")

    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8:strict"])
def test_what_the_terminal_cannot_show_is_escaped(encoding):
    done = manage("shell", "-v0", "-c", r"print('What\u2019s Up \udcff')", PYTHONIOENCODING=encoding)

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("s Up \\udcff\n")


def test_an_argument_that_no_database_takes_is_named():
    code = r"from django.db import connection; connection.cursor().execute('SELECT %s', ['J\udcfcrgen'])"

    done = manage("shell", "-v0", "-c", code)

    assert done.returncode == 1
    assert done.stderr.startswith(r"The argument 'J\udcfcrgen' is not valid UTF-8.")
