"""A month of two people, as they would live it: shortlists, votes, draws, challenges, picks, opinions, mails.

    uv run python -m tests.trials.month [--database sqlite|postgresql] [--port N]

All of it happens through HTTP, at a site whose clock goes from Monday to Monday, with a job runner, a mail server and
a webhook's receiver beside it.
"""

import email
import json
import subprocess
import sys
import threading
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any
from urllib.parse import urlsplit

from tests import faulty

from .clocks import Clock
from .edges import main
from .site import Answer, Site
from .trial import Trial

WEEKS = 4
ADA, BEN = "member0", "member1"
SECRET = "Not to be read by others before they have rated it themselves"
WEBHOOK = """
from wrong_opinions.models import Webhook
Webhook.objects.create(name="month", url="http://127.0.0.1:%d/")
"""


class MailServer(ThreadingTCPServer):
    """Takes mail by SMTP, without encryption."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), MailHandler)
        self.messages: list[EmailMessage] = []

    def to(self, name: str) -> list[EmailMessage]:
        return [message for message in self.messages if message["To"] == f"{name}@example.org"]


class MailHandler(StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.say("220 month")
        while line := self.rfile.readline():
            match line.split()[0].upper():
                case b"DATA":
                    self.say("354 go on")
                    lines = iter(self.rfile.readline, b".\r\n")
                    content = b"".join(line.removeprefix(b".") if line.startswith(b"..") else line for line in lines)
                    self.server.messages.append(email.message_from_bytes(content, policy=policy.default))
                    self.say("250 taken")
                case b"QUIT":
                    self.say("221 bye")
                    break
                case _:
                    self.say("250 fine")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class Receiver(ThreadingHTTPServer):
    """A webhook's address, which remembers what it was told, by id."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), ReceiverHandler)
        self.told: dict[str, dict[str, Any]] = {}
        self.count = 0


class ReceiverHandler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.told[self.headers["webhook-id"]] = body["data"]
        self.server.count += 1
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        pass


class Member:
    """One of the two, at the site."""

    def __init__(self, trial: Trial, site: Site, name: str) -> None:
        self.trial, self.site, self.name = trial, site, name

    def ask(self, method: str, path: str, body: object = None, **expected: int) -> Any:
        """The JSON of an answer, which has to be of the expected `status`."""
        answer = self.answer(method, path, body)
        if answer.status != expected.get("status", 200):
            self.trial.expect(f"{method} {path} by {self.name}: {answer.status} {answer.body[:200]!r}", False)
        return answer.json() if answer.body else None

    def answer(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        return self.site.ask(method, path, body, token=self.token, headers=headers)

    def sign_in(self) -> None:
        self.token = self.site.sign_in(self.name).json()["access_token"]


class Month:
    """Two members, what they use, and what week it is."""

    def __init__(self, trial: Trial, site: Site, clock: Clock) -> None:
        self.trial, self.site, self.clock = trial, site, clock
        self.ada, self.ben = (Member(trial, site, name) for name in (ADA, BEN))
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self.monday = today + timedelta(days=7 - today.weekday())
        self.drawn: list[int] = []

    @property
    def week(self) -> str:
        return f"{self.monday:%G-W%V}"

    def at(self, *, days: int, hours: int) -> None:
        """Set the clock to this long after the beginning of this week's Monday, in UTC; both sign in, as tokens have
        expired."""
        self.clock.move(round((self.monday + timedelta(days=days, hours=hours) - datetime.now(UTC)).total_seconds()))
        for member in (self.ada, self.ben):
            member.sign_in()

    def run_jobs(self) -> None:
        command = [sys.executable, "manage.py", "run_jobs", "--once"]
        subprocess.run(command, cwd=self.site.root, env=self.site.environ, capture_output=True, check=False)

    def choose(self, number: int) -> None:
        """Monday: Ada fills her shortlist, Ben votes, Ada draws a title; Ben challenges her to an album, and picks for
        himself."""
        ada, ben, expect = self.ada, self.ben, self.trial.expect
        planned = [ada.ask("POST", "/api/shortlist", {"tmdb_id": 100 * number + n + 1}, status=201) for n in range(3)]
        ben.ask("PUT", f"/api/shortlist/{planned[0]['id']}/vote")
        draw = ada.ask("POST", "/api/shortlist/draw", {"kind": "movie"})
        tmdb_id = draw["item"]["movie"]["tmdb_id"]
        expect(f"{self.week}: drawn with odds {draw['odds']} among {draw['among']}, and never picked before",
               draw["among"] == 2 * number + 3 and tmdb_id not in self.drawn)  # fmt: skip
        self.drawn.append(tmdb_id)
        self.adas = ada.ask("GET", "/api/weeks/current")["id"]
        ada.ask("POST", f"/api/weeks/{self.adas}/movies", {"tmdb_id": tmdb_id, "position": 1}, status=201)
        left = ada.ask("GET", "/api/shortlist?kind=movie")["total"]
        expect(f"what was picked has left the shortlist: {left} are left", left == 2 * number + 2)
        dare = {"musicbrainz_id": str(uuid.UUID(int=1000 + number)), "for": ADA, "note": "You must hear this"}
        challenge = ben.ask("POST", "/api/challenges", dare, status=201)
        accepted = {"week": self.adas, "position": 1}
        pick = ada.ask("POST", f"/api/challenges/{challenge['id']}/accept", accepted)["pick"]
        expect("the challenge became her pick", pick["week_id"] == self.adas)
        self.bens = ben.ask("GET", "/api/weeks/current")["id"]
        ben.ask("PUT", f"/api/weeks/{self.bens}/movies/1", {"tmdb_id": 5000 + number}, status=201)
        album = {"musicbrainz_id": str(uuid.UUID(int=2000 + number))}
        ben.ask("PUT", f"/api/weeks/{self.bens}/albums/1", album, status=201)

    def disagree(self) -> None:
        """Thursday: Ada rates Ben's movie, which he learns only once he has rated it himself."""
        ada, ben, expect = self.ada, self.ben, self.trial.expect
        review = f"{SECRET}, in {self.week}"
        ada.ask("PUT", f"/api/weeks/{self.bens}/movies/1/opinion", {"rating": 2, "review": review}, status=201)
        seen = [ben.answer("GET", path).body.decode() for path in self.places()]
        expect("her opinion is hidden from him at each address", not any(review in text for text in seen))
        ben.ask("PUT", f"/api/weeks/{self.bens}/movies/1/opinion", {"rating": 9}, status=201)
        seen = [ben.answer("GET", path).body.decode() for path in self.places()]
        expect("he reads it once he has given his own", sum(review in text for text in seen) >= 2)
        ben.ask("PUT", f"/api/weeks/{self.adas}/albums/1/opinion", {"rating": 8}, status=201)

    def places(self) -> list[str]:
        return [
            f"/api/weeks/{self.bens}", f"/api/weeks/{self.bens}/opinions", "/api/opinions", f"/api/rounds/{self.week}",
            "/api/events", "/api/stats/wrong-opinions", f"/api/stats/compare?with={ADA}", "/api/export?format=json",
        ]  # fmt: skip

    def look_back(self) -> None:
        """Tuesday after: the week is over everywhere, and the round has a result."""
        known = self.ada.ask("GET", f"/api/rounds/{self.week}")
        result = known["result"]
        self.trial.expect(
            f"the round is over, best {result['best']['mean']}, widest {result['widest']['spread']}",
            known["is_over"] and result["widest"]["spread"] == 7,
        )
        me, other = known["members"][:2]
        self.trial.expect("both are complete", {me["state"], other["state"]} == {"complete"})


def month(trial: Trial) -> None:
    """Four weeks of two members."""
    clock, mails, receiver = Clock(trial.folder / "clock"), MailServer(trial.port + 1), Receiver(trial.port + 2)
    upstreams = {}
    for name in ("tmdb", "musicbrainz", "coverart"):
        upstreams[name] = faulty.FaultyServer()
        upstreams[name].healthy = getattr(faulty, name)
    for server in (mails, receiver):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = clock.settings | {
        "EMAIL_URL": f"smtp://127.0.0.1:{trial.port + 1}",
        "SITE_URL": f"http://127.0.0.1:{trial.port}",
        "ALLOWED_HOSTS": "127.0.0.1",
        "TMDB_API_KEY": "a key for trials",
        "TMDB_BASE_URL": upstreams["tmdb"].url,
        "MUSICBRAINZ_BASE_URL": upstreams["musicbrainz"].url,
        "MUSICBRAINZ_INTERVAL": "0",
        "COVERART_BASE_URL": upstreams["coverart"].url,
    }
    try:
        with trial.site(**settings) as site:
            site.manage("shell", "-v0", "-c", WEBHOOK % (trial.port + 2))
            live(trial, Month(trial, site, clock), mails, receiver)
    finally:
        for server in (mails, receiver):
            server.shutdown()
            server.server_close()
        for upstream in upstreams.values():
            upstream.close()


def live(trial: Trial, month: Month, mails: MailServer, receiver: Receiver) -> None:
    month.at(days=0, hours=9)
    for member in (month.ada, month.ben):
        me = member.ask("GET", "/api/auth/me")["id"]
        member.ask("PATCH", f"/api/users/{me}", {"notifications": "weekly"})
    for number in range(WEEKS):
        month.at(days=0, hours=10)
        month.choose(number)
        month.at(days=3, hours=20)
        month.disagree()
        month.run_jobs()
        month.at(days=6, hours=18)
        for _ in range(2):
            month.run_jobs()
        if number == 1:
            unsubscribe(trial, month, mails.to(BEN)[-1])
        month.at(days=8, hours=13)
        month.run_jobs()
        month.look_back()
        month.monday += timedelta(weeks=1)
    counts = len(mails.to(ADA)), len(mails.to(BEN))
    trial.expect(f"weekly emails: {counts[0]} to one, {counts[1]} to the other, who unsubscribed", counts == (WEEKS, 2))
    trial.note("the last one:\n" + mails.to(ADA)[-1].get_content())
    follow(trial, month, receiver)
    share(trial, month)


def unsubscribe(trial: Trial, month: Month, message: EmailMessage) -> None:
    """By one click, as a mail program does it."""
    address = urlsplit(message["List-Unsubscribe"].strip("<>"))
    path = f"{address.path}?{address.query}" if address.query else address.path
    opened = month.site.ask("GET", path).status
    connection = month.site.connection("127.0.0.1", 30)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", path, message["List-Unsubscribe-Post"], form)
    clicked = connection.getresponse().status
    connection.close()
    chosen = month.ben.ask("GET", "/api/auth/me")["notifications"]
    trial.expect(f"the page to unsubscribe {opened}, one click {clicked}: {chosen}", chosen == "off")


def follow(trial: Trial, month: Month, receiver: Receiver) -> None:
    """What clients and the webhook were told."""
    month.run_jobs()
    first = month.ada.answer("GET", "/api/events")
    again = month.ada.answer("GET", "/api/events", **{"If-None-Match": first.headers["Etag"]})
    trial.expect(f"without news the events are a {again.status}", again.status == 304)
    events, page = {}, first.json()
    while True:
        events |= {event["id"]: event for event in page["results"]}
        if page["next"] is None:
            break
        page = month.ada.ask("GET", f"/api/events?before={page['next']}")
    trial.note(f"events: {dict(Counter(event['kind'] for event in events.values()))}")
    trial.expect("no event says what an opinion says", SECRET not in json.dumps(list(events.values())))
    public = {pk for pk, event in events.items() if event["kind"] != "challenged"}
    told = [data["id"] for data in receiver.told.values()]
    since_gone = Counter(data["kind"] for data in receiver.told.values() if data["id"] not in public)
    trial.expect(
        f"the webhook was told all {len(public)} events of the club, each once, and of {dict(since_gone)} that went "
        "with what was picked from a shortlist",
        public <= set(told) and len(told) == len(set(told)) == receiver.count and set(since_gone) <= {"voted"},
    )


def share(trial: Trial, month: Month) -> None:
    """The picture of the year, and its address for everyone."""
    year = month.week[:4]
    place = f"/api/stats/year-in-opinions/{year}"
    card = month.ada.answer("GET", f"{place}/card.svg")
    trial.expect(f"the year is a picture of {len(card.body)} bytes", card.headers["Content-Type"] == "image/svg+xml")
    address = urlsplit(month.ada.ask("POST", f"{place}/share", {}, status=201)["url"])
    shown = month.site.ask("GET", f"{address.path}?{address.query}")
    month.ada.ask("DELETE", f"{place}/share", status=204)
    gone = month.site.ask("GET", f"{address.path}?{address.query}").status
    trial.expect(f"its address shows it to anyone: {shown.status}, and no longer once revoked: {gone}",
                 (shown.status, gone) == (200, 404) and shown.body == card.body)  # fmt: skip


if __name__ == "__main__":
    main([month], __doc__)
