"""Python imports this at its start where PYTHONPATH says so: the clock goes as far off as the file CLOCK_FILE says.

It may change while a server runs. What measures durations (`time.monotonic()`) goes on as it did, as on a machine
whose clock is set.
"""

import os
import threading
from pathlib import Path

import time_machine

real = time_machine.escape_hatch.time


def follow() -> None:
    file, moved = Path(os.environ["CLOCK_FILE"]), 0
    while True:
        seconds = int(file.read_text())
        if seconds != moved:
            clock.move_to(real.time() + seconds)
            moved = seconds
        threading.Event().wait(0.05)


def start() -> None:
    threading.Thread(target=follow, daemon=True).start()


clock = time_machine.travel(real.time()).start()
os.register_at_fork(after_in_child=start)  # threads do not survive a fork, and workers are forks
start()
