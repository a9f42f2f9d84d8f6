"""Clocks that jump, and clocks that differ."""

import time
from email.utils import parsedate_to_datetime
from pathlib import Path

from tests.faulty import FaultyServer, musicbrainz

from .site import Site
from .trial import Trial

HOUR = 3600


class Clock:
    """A server's clock, which can be moved while it runs: see moved_clock/sitecustomize.py."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.settings = {"PYTHONPATH": str(Path(__file__).parent / "moved_clock"), "CLOCK_FILE": str(file)}
        file.write_text("0")

    def move(self, seconds: int) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(str(seconds))
        new.rename(self.file)
        time.sleep(0.5)  # until all processes have seen it


def clock_jumps(trial: Trial) -> None:
    """The clock goes an hour forward, and back again."""
    clock, upstream = Clock(trial.folder / "clock"), FaultyServer()
    upstream.healthy = musicbrainz
    settings = clock.settings | {"LOGIN_RATE": "10/min", "MUSICBRAINZ_BASE_URL": upstream.url}
    try:
        with trial.site(**settings) as site:
            first = site.sign_in(client="127.0.4.1").json()
            _expect_albums(trial, site, first["access_token"], upstream, "before")

            clock.move(HOUR)
            me = site.ask("GET", "/api/auth/me", token=first["access_token"]).status
            trial.expect(f"an hour later the access token has expired: {me}", me == 401)
            refreshed = site.ask("POST", "/api/auth/refresh", {"refresh_token": first["refresh_token"]})
            trial.expect(f"the refresh token is good: {refreshed.status}", refreshed.status == 200)
            token = refreshed.json()["access_token"]
            _expect_albums(trial, site, token, upstream, "an hour later")
            guesses = [site.sign_in("member1", "a wrong password", client="127.0.4.2").status for _ in range(15)]
            trial.note(f"15 wrong passwords an hour later: {guesses.count(401)} are 401, {guesses.count(429)} are 429")

            clock.move(0)
            again = site.sign_in(client="127.0.4.1")
            trial.expect(f"back again, the owner signs in: {again.status}", again.status == 200)
            waited = _seconds_until_signed_in(site, "member1", "127.0.4.2")
            trial.expect(f"the client that had guessed signs in after {waited:.0f} s (at most 62)", waited <= 62)
            _expect_albums(trial, site, again.json()["access_token"], upstream, "back again")
    finally:
        upstream.close()


def _expect_albums(trial: Trial, site: Site, token: str, upstream: FaultyServer, when: str) -> None:
    asked = len(upstream.paths)
    answers = [site.ask("GET", f"/api/albums/search?query={when.replace(' ', '')}{n}", token=token) for n in range(3)]
    statuses, slowest = [answer.status for answer in answers], max(answer.seconds for answer in answers)
    reached = len([path for path in upstream.paths[asked:] if path.startswith("/release?")])
    trial.expect(f"three album searches {when}: {statuses}, {reached} asked upstream, the slowest in {slowest:.1f} s",
                 statuses == [200] * 3 and reached == 3 and slowest <= 10)  # fmt: skip


def _seconds_until_signed_in(site: Site, name: str, client: str) -> float:
    begin = time.monotonic()
    while time.monotonic() - begin < 90 and site.sign_in(name, client=client).status != 200:
        time.sleep(2)
    return time.monotonic() - begin


def two_clocks(trial: Trial) -> None:
    """Two servers with one database, whose clocks are 5 s apart, accept each other's tokens."""
    clock = Clock(trial.folder / "clock")
    clock.move(5)
    with trial.site() as behind:
        url = behind.environ["DATABASE_URL"]
        ahead = Site(trial.root, trial.folder, trial.port + 1, url, **clock.settings)
        with ahead:
            shown = [parsedate_to_datetime(site.ask("GET", "/health").headers["Date"]) for site in (behind, ahead)]
            apart = (shown[1] - shown[0]).total_seconds()
            trial.expect(f"their clocks are {apart:.0f} s apart", 4 <= apart <= 6)
            for issuer, reader, who in ((ahead, behind, "ahead"), (behind, ahead, "behind")):
                tokens = issuer.sign_in().json()
                me = reader.ask("GET", "/api/auth/me", token=tokens["access_token"]).status
                trial.expect(f"an access token of the server {who} is good at the other: {me}", me == 200)
                refreshed = reader.ask("POST", "/api/auth/refresh", {"refresh_token": tokens["refresh_token"]}).status
                trial.expect(f"so is its refresh token: {refreshed}", refreshed == 200)
