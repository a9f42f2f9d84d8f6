#!/usr/bin/env python3
"""Django's command-line utility, and the writer of the first `.env`."""

import io
import os
import secrets
import sys
from pathlib import Path

ENV_FILE = Path(os.environ.get("ENV_FILE") or Path(__file__).resolve().parent / ".env")


def write_first_env() -> None:
    """Give a fresh checkout its secret key, unless one is there: settings have none by default, so this comes first."""
    if "SECRET_KEY" in os.environ:
        return
    try:
        descriptor = os.open(ENV_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        sys.exit(f"Cannot write {ENV_FILE}: {error.strerror}. Make the folder writable, or set SECRET_KEY yourself.")
    with os.fdopen(descriptor, "w") as file:
        file.write(f"# Written by `manage.py quickstart`; .env.example explains every setting.\n"
                   f"SECRET_KEY={secrets.token_urlsafe(50)}\n")  # fmt: skip


def main() -> None:
    """Run a command, and say in a sentence what the operator can do about: with --traceback, where it was raised."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wrong_opinions.settings")
    if sys.argv[1:2] == ["quickstart"] and not {"-h", "--help"} & set(sys.argv):
        write_first_env()

    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import Error

    try:
        execute_from_command_line(sys.argv)
        if sys.stdout:  # it may be closed
            sys.stdout.flush()
    except ImproperlyConfigured as error:
        sys.exit(f"The settings do not fit: {error}")
    except Error as error:
        from wrong_opinions import outages

        if not outages.is_outage(error) or "--traceback" in sys.argv:
            raise
        sys.exit(outages.report(error))
    except UnicodeEncodeError as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"The argument {error.object!a} is not valid UTF-8. Use a terminal in UTF-8, or rename the file.")
    except OSError as error:
        if "--traceback" in sys.argv:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left has nowhere to go, which Python would report
        # Readers such as `head` close the pipe when they have enough.
        sys.exit(1 if isinstance(error, BrokenPipeError) else f"The command failed: {error}.")


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # titles are in all scripts
    try:
        main()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)
