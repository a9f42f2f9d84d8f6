"""Requests on their way: identical ones are sent once, and whoever has waited long enough may go."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextvars import copy_context


class Flights[T]:
    """Calls that run in threads of their own, so that nobody depends on when, or if, they end."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.flying: dict[Hashable, Future[T]] = {}

    def is_flying(self, key: Hashable) -> bool:
        return key in self.flying

    def join(self, key: Hashable, act: Callable[[], T]) -> Future[T]:
        """What `act` will answer or raise; simultaneous calls with the same key have it called once."""
        with self.lock:
            if flight := self.flying.get(key):
                return flight
            flight = self.flying[key] = Future()
            context = copy_context()
            thread = threading.Thread(target=context.run, args=(self._fly, key, flight, act), daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no threads left
                del self.flying[key]
                raise
        return flight

    def _fly(self, key: Hashable, flight: Future[T], act: Callable[[], T]) -> None:
        try:
            result = act()
        except BaseException as error:  # noqa: BLE001 - whoever waits hears of it
            self._land(key)
            flight.set_exception(error)
        else:
            self._land(key)
            flight.set_result(result)

    def _land(self, key: Hashable) -> None:
        with self.lock:
            del self.flying[key]
