"""Whether a webhook is told each event exactly once, by its ids, while job runners are killed and the receiver fails:

    uv run python -m tests.trials.deliveries [--database sqlite|postgresql] [--seconds N] [--port N]

Members vote as fast as the site answers. Two job runners, with shorter waits than they have in production, are killed
again and again. The receiver remembers ids; of the messages it refuses some, answers some too late, and breaks off
others after it has taken them, so that the runner does not know.
"""

import hashlib
import hmac
import json
import random
import signal
import subprocess
import sys
import threading
import time
from base64 import b64decode, b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .edges import main
from .site import MEMBERS, Clients, Site
from .trial import Trial

ITEMS = 3_000
SECRET = "whsec_" + b64encode(b"a secret for trials only, long enough").decode()
FILL = f"""
from accounts.models import User
from catalog.models import Movie
from selections.models import ShortlistItem
from wrong_opinions.models import Webhook
owner = User.objects.get(username="member0")
movies = [Movie(tmdb_id=n, title=f"Movie {{n}}", title_key=f"movie {{n}}") for n in range(1, {ITEMS} + 1)]
items = [ShortlistItem(user=owner, movie=movie) for movie in Movie.objects.bulk_create(movies)]
print(*[item.pk for item in ShortlistItem.objects.bulk_create(items)])
Webhook.objects.create(name="trial", url="http://127.0.0.1:%d/", secret={SECRET!r})
"""
EVENTS = "from selections.models import Event; print(*Event.objects.values_list('pk', flat=True))"
STATES = "from wrong_opinions.models import Delivery as D; print(sum(d.state != 'sent' for d in D.objects.all()))"
# It loads the site once, and starts a runner by each fork; a number of seconds says how long one lives at most.
RUNNERS = """
import os, random, signal, sys, time
from datetime import timedelta
import django
django.setup()
from django.core.management import call_command
from integrations import webhooks as sending
from wrong_opinions import jobs, webhooks
from wrong_opinions.management.commands import run_jobs
run_jobs.INTERVAL, jobs.HOLD, webhooks.HOLD = 0.05, timedelta(seconds=0.3), timedelta(seconds=3)
webhooks.MIN_DELAY, webhooks.MAX_DELAY = timedelta(seconds=0.1), timedelta(seconds=1)
sending.TIMEOUT = (1, 0.5)
jobs.tasks = lambda: {"webhooks": jobs.Task(webhooks.run, timedelta(0))}
longest, kills = float(sys.argv[1]), 0
signal.signal(signal.SIGTERM, lambda *_: sys.exit(f"{kills} kills"))
child = 0
try:
    while True:
        child = os.fork()
        if not child:
            call_command("run_jobs")
        time.sleep(random.uniform(0.3, longest))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        kills += 1
finally:
    if child:
        os.kill(child, signal.SIGKILL)
"""


class Receiver(ThreadingHTTPServer):
    """Takes messages, and remembers how often each id came with which event."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.taken: dict[str, list[int]] = {}  # the ids of events, by those of messages
        self.counts = {"taken": 0, "refused": 0, "late": 0, "broken off": 0, "badly signed": 0}
        self.is_reliable = False
        self.lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self):
        body = self.rfile.read(length := int(self.headers["Content-Length"]))
        if len(body) < length:
            return  # its sender was killed
        key = b64decode(SECRET.removeprefix("whsec_"))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        signature = f"v1,{b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"
        what = random.choices(["taken", "refused", "late", "broken off"], [85, 6, 1, 8])[0]
        if self.server.is_reliable:
            what = "taken"
        if signature != self.headers["webhook-signature"]:
            what = "badly signed"
        with self.server.lock:
            self.server.counts[what] += 1
            if what in {"taken", "late", "broken off"}:
                self.server.taken.setdefault(self.headers["webhook-id"], []).append(json.loads(body)["data"]["id"])
        if what == "late":
            time.sleep(1)
        if what != "broken off":
            self.send_response(204 if what == "taken" else 500)
            self.end_headers()

    def log_message(self, *arguments):
        pass


class Votes(Clients):
    """Members who vote for one title after the other."""

    def __init__(self, site: Site, items: list[int]) -> None:
        self.site, self.share, self.items, self.acknowledged = site, site.tokens()[1:], items, list[int]()

    def ask(self, token: str) -> None:
        for item in self.items:
            if self.is_over.is_set():
                return
            if self.site.ask("PUT", f"/api/shortlist/{item}/vote", token=token).status == 200:
                self.acknowledged.append(item)


def runners(site: Site, longest: float) -> subprocess.Popen:
    environ = site.environ | {"DJANGO_SETTINGS_MODULE": "wrong_opinions.settings"}
    command = [sys.executable, "-c", RUNNERS, str(longest)]
    return subprocess.Popen(command, cwd=site.root, env=environ, stderr=subprocess.PIPE, text=True)


def runners_killed(trial: Trial) -> None:
    """kill -9 of two job runners, about twice a second, while members vote and the receiver fails at times."""
    receiver = Receiver(trial.port + 1)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    with trial.site() as site:
        items = [int(pk) for pk in site.manage("shell", "-v0", "-c", FILL % receiver.server_port).split()]
        killed = [runners(site, longest=2) for _ in range(2)]
        with Votes(site, items) as votes:
            time.sleep(trial.seconds)
        time.sleep(trial.seconds)  # the rest is sent more slowly than it comes
        for process in killed:
            process.send_signal(signal.SIGTERM)
        kills = sum(int(process.communicate()[1].splitlines()[-1].split()[0]) for process in killed)
        trial.note(f"{kills} runners killed in {2 * trial.seconds:.0f} s; messages: {receiver.counts}")
        receiver.is_reliable = True
        last, end = runners(site, longest=3600), time.monotonic() + 120
        while (left := int(site.manage("shell", "-v0", "-c", STATES))) and time.monotonic() < end:
            time.sleep(1)
        last.send_signal(signal.SIGTERM)
        last.communicate()
        events = set(map(int, site.manage("shell", "-v0", "-c", EVENTS).split()))
    receiver.shutdown()
    told = [set(of) for of in receiver.taken.values()]
    repeated = sum(len(of) - 1 for of in receiver.taken.values())
    trial.note(f"{len(events)} events, {repeated} of {sum(map(len, receiver.taken.values()))} messages came again")
    # Each member has joined, too.
    trial.expect(f"{len(votes.acknowledged)} votes were acknowledged, and have events",
                 len(events) - MEMBERS >= len(votes.acknowledged) > 0)  # fmt: skip
    trial.expect(f"{left} messages are left, {receiver.counts['badly signed']} had a wrong signature",
                 left == receiver.counts["badly signed"] == 0)  # fmt: skip
    lost, once = events - set().union(*told), len(told) == len(events) and all(len(of) == 1 for of in told)
    trial.expect(f"{len(lost)} events were not told; each of the others under one id only: {once}", not lost and once)


if __name__ == "__main__":
    main([runners_killed], __doc__)
