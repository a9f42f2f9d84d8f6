"""Python imports this at its start where PYTHONPATH says so: the clock goes as far off as the file CLOCK_FILE says.

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
time.time()  # from the first question on it ticks
os.register_at_fork(after_in_child=start)  # threads do not survive a fork, and workers are forks
start()
