"""What fails below the site: its processes, its database, its disk."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from .databases import PostgreSQL, Sqlite
from .site import Answer, Load
from .trial import LeftOut, Trial, tmpfs


def expect_nothing_lost(trial: Trial, *loads: Load) -> None:
    count, lost = sum(load.count for load in loads), sum(load.lost() for load in loads)
    trial.expect(f"{count} writes acknowledged, {lost} lost", lost == 0 and count > 0)


def workers_killed(trial: Trial) -> None:
    """kill -9 of a worker, twice a second, while members write."""
    with trial.site() as site, Load(site, site.tokens()) as load:
        end, kills = time.monotonic() + trial.seconds, 0
        while time.monotonic() < end:
            time.sleep(0.5)
            if workers := site.workers:
                os.kill(workers[kills % len(workers)], signal.SIGKILL)
                kills += 1
        load.__exit__()
        trial.note(f"{kills} workers killed in {trial.seconds:.0f} s")
        trial.expect_only(load.statuses(), 201, 0)
        trial.expect("the site is healthy within 5 s", site.is_healthy_within(5))
        expect_nothing_lost(trial, load)


def server_killed(trial: Trial) -> None:
    """kill -9 of the whole server, three times, while members write."""
    with trial.site() as site:
        load = Load(site, site.tokens())
        for _ in range(3):
            with load:
                time.sleep(trial.seconds / 3)
                site.stop(signal.SIGKILL)
            site.start()
        trial.expect_only(load.statuses(), 201, 0)
        expect_nothing_lost(trial, load)


def database_killed(trial: Trial) -> None:
    """kill -9 of PostgreSQL while members write; it stays away, and comes back."""
    database = _postgresql(trial)
    with trial.site() as site, Load(site, site.tokens()) as load:
        time.sleep(trial.seconds / 3)
        database.kill()
        killed_at = time.monotonic()
        time.sleep(trial.seconds)
        health = site.ask("GET", "/health", timeout=10)
        trial.expect(f"/health meanwhile: {health.status} in {health.seconds:.2f} s", _is_quick_refusal(health))
        away = load.between(killed_at + 1, time.monotonic())
        database.start()
        back_at = time.monotonic()
        time.sleep(8)
        load.__exit__()
        slowest = max(answer.seconds for answer in away)
        statuses = {answer.status for answer in away}
        trial.expect(f"{len(away)} answers while it was away: {statuses}, the slowest in {slowest:.2f} s (at most 1.2)",
                     statuses == {503} and slowest <= 1.2)  # fmt: skip
        first = min((at - back_at for at, answer in load.answers if at > back_at and answer.status == 201), default=99)
        last = max((at - back_at for at, answer in load.answers if at > back_at and answer.status != 201), default=0)
        trial.expect(f"first success {first:.1f} s after its return, last failure after {last:.1f} s (at most 3 s)",
                     first <= 3 and last <= 3)  # fmt: skip
        trial.expect_only(load.statuses(), 201, 503)
        expect_nothing_lost(trial, load)


def _postgresql(trial: Trial) -> PostgreSQL:
    if not isinstance(trial.database, PostgreSQL):
        raise LeftOut("SQLite has no server")
    return trial.database


def _is_quick_refusal(answer: Answer) -> bool:
    return answer.status == 503 and answer.seconds <= 1.2


def connections_terminated(trial: Trial) -> None:
    """All connections to PostgreSQL are ended at once, every two seconds, with the database up."""
    database = _postgresql(trial)
    with trial.site() as site, Load(site, site.tokens()) as load:
        end, rounds = time.monotonic() + trial.seconds, 0
        while time.monotonic() < end:
            time.sleep(2)
            database.query(
                f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{trial.name}'"
            )
            rounds += 1
        load.__exit__()
        failures = [answer for _, answer in load.answers if answer.status != 201]
        slowest = max(answer.seconds for _, answer in load.answers)
        # What was being written at that moment fails, as nobody knows whether it was: one request a member at most.
        few = len(load.share) * rounds
        trial.expect(f"{len(failures)} failures in {rounds} rounds (at most {few})", len(failures) <= few)
        trial.expect(f"the slowest answer took {slowest:.2f} s (at most 2 s)", slowest <= 2)
        trial.expect_only(load.statuses(), 201, 503)
        expect_nothing_lost(trial, load)


def disk_full(trial: Trial) -> None:
    """The database's disk fills up while members write, and gets space again."""
    with tmpfs("64m") as disk:
        with trial.site(place=disk) as site:
            tokens = site.tokens()
            load, ballast = Load(site, tokens, notes="x" * 9000), disk / "ballast"
            with load:
                time.sleep(1)
                fill(ballast)
                _wait_for(lambda: len([1 for _, answer in load.answers[-20:] if answer.status in (503, 507)]) > 10, 60)
                reads = [site.ask("GET", "/api/weeks?page_size=5", token=token).status for token in tokens]
            refused = load.statuses()
            trial.expect_only(refused, 201, 503, 507)
            trial.expect("writes are refused while the disk is full", bool(refused.keys() & {503, 507}))
            trial.expect(f"reads meanwhile: {set(reads)}", set(reads) == {200})
            ballast.unlink()
            again = Load(site, tokens)
            again.weeks = load.weeks
            with again:
                time.sleep(3)
            trial.expect_only(again.statuses(), 201)
            expect_nothing_lost(trial, load, again)
        if isinstance(trial.database, PostgreSQL):
            trial.database.query(f"DROP DATABASE {trial.name} WITH (FORCE)")
            trial.database.query(f"DROP TABLESPACE {trial.name}")


def fill(ballast: Path) -> None:
    """Write until nothing more fits."""
    with ballast.open("wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue


def _wait_for(condition: Callable[[], bool], limit: float) -> None:
    end = time.monotonic() + limit
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)


def read_only(trial: Trial) -> None:
    """The database cannot be written for a while, and then can: connections from that time are no reason to refuse."""
    with trial.site() as site:
        tokens = site.tokens()
        _set_writable(trial, writable=False)
        site.stop()
        site.start()  # so that all its connections are from this time
        load = Load(site, tokens)
        with load:
            time.sleep(3)
        trial.expect_only(load.statuses(), 503)
        reads = [site.ask("GET", "/api/weeks?page_size=5", token=token).status for token in tokens]
        trial.expect(f"reads meanwhile: {set(reads)}", set(reads) == {200})
        health = site.ask("GET", "/health").status
        trial.expect(f"/health meanwhile: {health} (503)", health == 503)
        _set_writable(trial, writable=True)
        time.sleep(3)
        again = Load(site, tokens)
        with again:
            time.sleep(3)
        trial.expect_only(again.statuses(), 201, 503)
        refused = again.statuses().get(503, 0)  # by each thread once, whose connection is from that time
        trial.expect(f"{refused} writes were refused afterwards (at most 16)", refused <= 16 and again.count > 16)
        healths = [site.ask("GET", "/health").status for _ in range(20)][-5:]
        trial.expect(f"/health afterwards, at last: {healths}", set(healths) == {200})


def _set_writable(trial: Trial, *, writable: bool) -> None:
    if isinstance(trial.database, Sqlite):
        trial.database.path.chmod(0o644 if writable else 0o444)
    else:
        setting = "off" if writable else "on"
        trial.database.query(f"ALTER DATABASE {trial.name} SET default_transaction_read_only = {setting}")


def database_deleted(trial: Trial) -> None:
    """The SQLite file is moved away while the site serves, and back."""
    database = trial.database
    if not isinstance(database, Sqlite):
        raise LeftOut("PostgreSQL has no single file")
    with trial.site() as site:
        tokens = site.tokens()
        load = Load(site, tokens)
        with load:
            time.sleep(2)
        away = database.path.with_suffix(".away")
        database.path.rename(away)
        time.sleep(1)
        meanwhile = Load(site, tokens)
        meanwhile.weeks = load.weeks
        with meanwhile:
            time.sleep(3)
        trial.expect_only(meanwhile.statuses(), 503)
        health = site.ask("GET", "/health").status
        trial.expect(f"/health meanwhile: {health} (503)", health == 503)
        trial.expect("no empty database is created in its place", not database.path.exists())
        away.rename(database.path)
        time.sleep(1)
        with load:
            time.sleep(2)
        trial.expect_only(load.statuses(), 201)
        expect_nothing_lost(trial, load)
