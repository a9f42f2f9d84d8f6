"""Request coalescing: identical requests at the same time are sent once, and all callers get the same answer."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextvars import copy_context

from django.db import connections


class RequestCoalescer[T]:
    """Runs each request in a thread of its own: a caller may stop waiting, and the answer is still cached."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running: dict[Hashable, Future[T]] = {}

    def start(self, key: Hashable, send: Callable[[], T]) -> Future[T]:
        """The future result of `send`, or of the request with the same key that is running already."""
        with self.lock:
            if running := self.running.get(key):
                return running
            future = self.running[key] = Future()
            context = copy_context()
            thread = threading.Thread(target=context.run, args=(self._run, key, future, send), daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no threads left
                del self.running[key]
                raise
        return future

    def _run(self, key: Hashable, future: Future[T], send: Callable[[], T]) -> None:
        try:
            result, failure = send(), None
        except BaseException as error:  # noqa: BLE001 - all callers that wait get it
            failure = error
        connections.close_all()  # those of this thread, which ends here
        with self.lock:
            del self.running[key]  # first, so that a caller who tries again starts another one
        if failure is None:
            future.set_result(result)
        else:
            future.set_exception(failure)
