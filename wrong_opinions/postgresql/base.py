"""Django's PostgreSQL backend, with a connection per thread and short timeouts for a server that does not answer."""

import threading
from time import monotonic

from django.db.backends.postgresql import base
from psycopg import Error, OperationalError, generators, pq

TIMEOUT = 1  # seconds
IDLE_TIMEOUT = "60s"


class CircuitBreaker:
    """Open for a second after the server did not answer; then half-open: one thread tries, and no other waits."""

    retry_at = 0.0  # on the monotonic clock; 0 while closed

    def connect(self, connect):
        if monotonic() < self.retry_at:
            raise OperationalError("the server did not answer a moment ago")
        if self.retry_at:
            self.retry_at = monotonic() + 3 * TIMEOUT  # psycopg tries for two seconds at least
        try:
            connection = connect()
        except OperationalError:
            self.retry_at = monotonic() + TIMEOUT
            raise
        self.retry_at = 0.0
        return connection


breaker = CircuitBreaker()


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params):
        connect = super().get_new_connection
        if threading.current_thread() is threading.main_thread():
            return connect(conn_params)  # a command, which may wait for an upstream longer than a session may be idle
        if not self.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):  # PgBouncer does not support options
            options = f"{conn_params.get('options', '')} -c idle_session_timeout={IDLE_TIMEOUT}"
            conn_params["options"] = options.strip()
        return breaker.connect(lambda: connect(conn_params))

    def rollback(self):
        errors_occurred = self.errors_occurred  # which Django resets here
        super().rollback()
        self.errors_occurred = errors_occurred

    def is_usable(self):
        """Whether the server answers in time and no error occurred: a session that began read-only stays so.

        Django calls this at each request's first query, and reconnects at once if it is not usable.
        """
        if self.connection is None or self.errors_occurred:
            return False
        server = self.connection.pgconn
        try:
            server.send_query(b"SELECT 1")
            (result,) = self.connection.wait(generators.execute(server), timeout=TIMEOUT)
        except (Error, ValueError):
            return False
        return result.status == pq.ExecStatus.TUPLES_OK
