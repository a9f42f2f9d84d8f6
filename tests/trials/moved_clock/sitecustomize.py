"""Python imports this at its start if it is on PYTHONPATH. It moves the clock by the seconds in the file CLOCK_FILE.

It may change while a server runs. What measures durations (`time.monotonic()`) goes on as it did, as on a machine
whose clock is set.
"""

import os
import threading
import time
from pathlib import Path

import time_machine

off = 0  # seconds


def follow() -> None:
    global off
    while True:
        seconds = int(Path(os.environ["CLOCK_FILE"]).read_text())
        clock.shift(seconds - off)
        off = seconds
        threading.Event().wait(0.05)


def start() -> None:
    threading.Thread(target=follow, daemon=True).start()


clock = time_machine.travel(time.time()).start()
time.time()  # it starts to tick when it is first read
os.register_at_fork(after_in_child=start)  # threads do not survive a fork, and workers are forks
start()
