"""Django's SQLite backend, except that only `migrate` creates the file, and a connection ends when it is replaced."""

import contextlib
import os
from datetime import datetime
from pathlib import Path
from stat import S_IMODE

from django.db import OperationalError
from django.db.backends.sqlite3 import base
from django.db.backends.sqlite3.features import DatabaseFeatures as Features
from django.db.backends.sqlite3.operations import DatabaseOperations as Operations


class DatabaseFeatures(Features):
    supports_json_field = True  # since 3.38; Django would open the database to find out for every command


class DatabaseOperations(Operations):
    def convert_datetimefield_value(self, value, expression, connection):
        # Django's checks take most of the time, and a page may have hundreds.
        if isinstance(value, datetime) and value.tzinfo is None:
            return value.replace(tzinfo=connection.timezone)
        return super().convert_datetimefield_value(value, expression, connection)


class Cursor(base.SQLiteCursorWrapper):
    def convert_query(self, query, *, param_names=None):
        if param_names is None and "%%" not in query:  # Django's regular expression may take longer than the query
            return query.replace("%s", "?")
        return super().convert_query(query, param_names=param_names)


class DatabaseWrapper(base.DatabaseWrapper):
    features_class, ops_class = DatabaseFeatures, DatabaseOperations
    file_state: tuple[int, ...] | None = None  # when the connection was opened

    def prepare_database(self):
        """Create the file, readable by its owner only: `migrate` calls this."""
        if not self.is_in_memory_db():
            try:
                os.close(os.open(self.settings_dict["NAME"], os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            except FileExistsError:
                pass
            except OSError as error:
                raise OperationalError(error.strerror) from None
        super().prepare_database()

    def get_new_connection(self, conn_params):
        self.file_state = self._file_state()
        if self.file_state:
            conn_params["database"] = f"{Path(self.settings_dict['NAME']).absolute().as_uri()}?mode=rw"
            if not os.access(self.settings_dict["NAME"], os.W_OK):
                self.close_at = 0  # after this request, as one read-only connection keeps all of the process read-only
            else:
                self._make_logs_writable(self.file_state[2])
        return super().get_new_connection(conn_params)

    def create_cursor(self, name=None):
        return self.connection.cursor(factory=Cursor)

    def _make_logs_writable(self, mode: int) -> None:
        """Give the files beside the database its mode: those created while it was read-only are, too."""
        for suffix in ("-wal", "-shm"):
            file = f"{self.settings_dict['NAME']}{suffix}"
            if not os.access(file, os.W_OK):
                with contextlib.suppress(OSError):  # it is missing, or belongs to another user
                    os.chmod(file, S_IMODE(mode))  # noqa: PTH101

    def rollback(self):
        errors_occurred = self.errors_occurred  # which Django resets here
        super().rollback()
        self.errors_occurred = errors_occurred

    def is_usable(self):
        """Whether it is connected to the file of this name and no error occurred: a read-only connection stays so.

        Django calls this at each request's first query.
        """
        with contextlib.suppress(OperationalError):
            return not self.errors_occurred and self.file_state == self._file_state()
        return False

    def _start_transaction_under_autocommit(self):
        if self.file_state != self._file_state():
            raise OperationalError("the file was replaced")
        super()._start_transaction_under_autocommit()  # type: ignore[misc]  # the stubs don't know it

    def _file_state(self) -> tuple[int, ...] | None:
        """The identity and the mode of the file; None in memory. Raises OperationalError."""
        if self.is_in_memory_db():
            return None
        try:
            found = os.stat(self.settings_dict["NAME"])  # noqa: PTH116 - for each request
        except FileNotFoundError:
            raise OperationalError("the file does not exist; manage.py migrate creates it") from None
        except OSError as error:
            raise OperationalError(error.strerror) from None
        return found.st_dev, found.st_ino, found.st_mode
