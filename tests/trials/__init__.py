"""What happens at the edges of the site: trials that kill, stall, fill and mislead a copy of it, and print figures.

    uv run python -m tests.trials.edges [--database sqlite|postgresql] [--only NAME] [--seconds N]

Each trial serves the site with gunicorn as README.md says, on loopback, with a fresh database in a temporary folder
that is deleted afterwards. Every line is one promise with what was measured; the exit code is 1 where one was broken.
A trial that needs what this machine does not have is left out, with the reason. None of this is part of the test run:
it takes minutes, and the figures depend on the machine.

- Needs Linux; for PostgreSQL its programs `initdb`, `pg_ctl` and `psql` (as root they run as the user postgres).
- Full disks need root, as each is a tmpfs that is mounted.
- `--root` serves another checkout, such as an older version, with these same trials.
"""
