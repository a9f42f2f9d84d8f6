"""Run trials: see the package's docstring."""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from . import __doc__ as trials_docstring
from . import clocks, failures, mistakes, strangers
from .databases import DATABASES
from .trial import LeftOut, Trial

Act = Callable[[Trial], None]
TRIALS: list[Act] = [
    failures.workers_killed,
    failures.server_killed,
    failures.database_killed,
    failures.connections_terminated,
    failures.disk_full,
    failures.read_only,
    failures.database_deleted,
    strangers.stalled_clients,
    strangers.silent_clients,
    strangers.clients_that_do_not_read,
    strangers.endless_uploads,
    strangers.spoofed_paths,
    strangers.schema_at_once,
    strangers.strangers_signing_in,
    strangers.lock_out,
    clocks.clock_jumps,
    clocks.two_clocks,
    mistakes.doctor_finds_mistakes,
]


def run(trials: list[Act], asked: argparse.Namespace, vendor: str, folder: Path) -> list[str]:
    """The names of the trials that a database failed; prints what each found."""
    failed = []
    database = DATABASES[vendor](asked.root, folder)
    try:
        for act in trials:
            if asked.only and act.__name__ not in asked.only:
                continue
            place = folder / f"{act.__name__}-site"
            place.mkdir(mode=0o755)
            trial = Trial(act.__name__, asked.root, place, database, asked.port, asked.seconds)
            print(f"{vendor} {act.__name__}: {(act.__doc__ or '').splitlines()[0]}", flush=True)  # noqa: T201
            begin = time.monotonic()
            try:
                act(trial)
            except LeftOut as reason:
                trial.note(f"left out: {reason}")
            except Exception as error:  # noqa: BLE001 - the others are still worth a try
                trial.expect(f"the trial ends ({type(error).__name__}: {error})", False)
            if trial.broken:
                failed.append(f"{vendor} {act.__name__}")
            trial.note(f"{time.monotonic() - begin:.0f} s")
    finally:
        database.close()
    return failed


def main(trials: list[Act], description: str | None) -> None:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=DATABASES, help="only this one")
    parser.add_argument("--only", action="append", choices=[act.__name__ for act in trials], help="may be repeated")
    parser.add_argument("--seconds", type=float, default=15, help="that loads and outages last")
    parser.add_argument("--port", type=int, default=8450, help="this one and the next nine may be used, on loopback")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[2], help="the checkout that is served")
    asked = parser.parse_args()
    failed = []
    for vendor in [asked.database] if asked.database else DATABASES:
        with tempfile.TemporaryDirectory(prefix="trials-") as folder:
            Path(folder).chmod(0o755)
            try:
                failed += run(trials, asked, vendor, Path(folder))
            except LeftOut as reason:
                print(f"{vendor}: left out: {reason}")  # noqa: T201
    if failed:
        raise SystemExit(f"Broken: {', '.join(failed)}")
    print("All promises were kept.")  # noqa: T201


if __name__ == "__main__":
    main(TRIALS, trials_docstring)
