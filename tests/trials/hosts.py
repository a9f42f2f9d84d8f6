"""Three hosts with one PostgreSQL: three servers with a CACHE_DIR of their own, under load, and one of them killed.

    uv run python -m tests.trials.hosts [--seconds N] [--port N]

MusicBrainz is a stand-in on loopback, whose log says how far apart the requests of all hosts together were.
"""

import signal
import time
from itertools import combinations, count, pairwise

from tests.faulty import FaultyServer, musicbrainz

from .databases import PostgreSQL
from .edges import main
from .failures import expect_nothing_lost
from .site import Answer, Clients, Load, Site
from .trial import LeftOut, Trial

INTERVAL = 1.05  # seconds, the default of MUSICBRAINZ_INTERVAL


class Searches(Clients):
    """Members who search for albums that were not searched for before, on one host."""

    share = range(2)

    def __init__(self, site: Site, token: str) -> None:
        self.site, self.token, self.answers = site, token, list[Answer]()

    def ask(self, number: int) -> None:
        for attempt in count():
            if self.is_over.wait(0.1):
                return
            query = f"query={self.site.port}-{number}-{attempt}"
            self.answers.append(self.site.ask("GET", f"/api/albums/search?{query}", token=self.token))


def one_of_three_hosts_killed(trial: Trial) -> None:
    """Members write and search on three hosts; kill -9 of one of them, which then comes back."""
    if not isinstance(trial.database, PostgreSQL):
        raise LeftOut("hosts do not share SQLite")
    asked_at: list[float] = []

    def answer(path: str) -> bytes:
        asked_at.append(time.monotonic())
        return musicbrainz(path)

    upstream = FaultyServer()
    upstream.healthy = answer
    hosts = three_hosts(trial, upstream)
    try:
        for host in hosts:
            host.start()
        tokens = hosts[0].tokens()  # which are good on all hosts
        loads = [Load(host, tokens[2 * n : 2 * n + 2]) for n, host in enumerate(hosts)]
        searches = [Searches(host, tokens[-1]) for host in hosts]
        with loads[0], loads[1], loads[2], searches[0], searches[1], searches[2]:
            time.sleep(trial.seconds / 2)
            hosts[2].stop(signal.SIGKILL)
            killed_at = time.monotonic()
            time.sleep(trial.seconds / 2)
            hosts[2].start()
            time.sleep(trial.seconds / 2)
        check_answers(trial, loads, searches, killed_at)
        check_pace(trial, asked_at)
        loads[2].site = hosts[0]  # what the killed host has acknowledged is known to another
        expect_nothing_lost(trial, *loads)
    finally:
        for host in hosts:
            host.stop()
        upstream.close()


def three_hosts(trial: Trial, upstream: FaultyServer) -> list[Site]:
    url, hosts = trial.database.fresh(trial.name), []
    for number in range(3):
        folder = trial.folder / f"host{number}"
        folder.mkdir()
        settings = {"MUSICBRAINZ_BASE_URL": upstream.url, "MUSICBRAINZ_INTERVAL": str(INTERVAL)}
        hosts.append(Site(trial.root, folder, trial.port + number, url, **settings))
    return hosts


def check_answers(trial: Trial, loads: list[Load], searches: list[Searches], killed_at: float) -> None:
    for number, (load, search) in enumerate(zip(loads, searches, strict=True)):
        trial.note(f"host {number}:")
        lost_connections = (0,) if number == 2 else ()
        trial.expect_only(load.statuses(), 201, *lost_connections)
        found = [answer.status for answer in search.answers]
        statuses = {status: found.count(status) for status in sorted(set(found))}
        trial.expect_only(statuses, 200, 429, *lost_connections)
    after = [answer for load in loads[:2] for answer in load.between(killed_at, killed_at + 3)]
    slowest = max(answer.seconds for answer in after)
    trial.expect(f"in the 3 s after the kill the others answer {len(after)} writes, the slowest in {slowest:.2f} s (at "
                 "most 2)", bool(after) and slowest <= 2)  # fmt: skip


def check_pace(trial: Trial, asked_at: list[float]) -> None:
    """A slot is taken before the request is sent, so that a busy machine may send one late, and the next in time."""
    trial.expect(f"MusicBrainz was asked {len(asked_at)} times by all hosts together", len(asked_at) > 5)
    ahead = max(INTERVAL * (b - a) - (asked_at[b] - asked_at[a]) for a, b in combinations(range(len(asked_at)), 2))
    trial.expect(f"never more than {ahead:.2f} s ahead of a request in {INTERVAL} s (at most 0.3 s)", ahead <= 0.3)
    gaps = sorted(later - earlier for earlier, later in pairwise(asked_at))
    trial.note(
        f"the smallest gap was {gaps[0]:.2f} s (1 or more on a quiet machine), the median {gaps[len(gaps) // 2]:.2f} s"
    )


if __name__ == "__main__":
    main([one_of_three_hosts_killed], __doc__)
