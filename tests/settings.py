"""The settings without any `.env`, made faster where that does not affect what is tested."""

import os
import tempfile
from pathlib import Path

os.environ |= {"ENV_FILE": os.devnull, "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz-xyz"}

from wrong_opinions.settings import *  # noqa: F403
from wrong_opinions.settings import DATABASES, INSTALLED_APPS, LOGGING, MIDDLEWARE

INSTALLED_APPS = [*INSTALLED_APPS, "zeal"]  # finds N+1 queries
MIDDLEWARE = [*MIDDLEWARE, "zeal.middleware.zeal_middleware"]
ZEAL_NPLUSONE_THRESHOLD = 3  # get_or_create() asks twice when somebody else was faster
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
LOGGING["loggers"]["werkzeug"] = {"level": "ERROR"}  # pytest-httpserver's, which outlives a test's log
WHITENOISE_AUTOREFRESH = True  # asks for no collectstatic first
LOGIN_RATE = REGISTER_RATE = REFRESH_RATE = RESET_RATE = IMPORT_RATE = EXPORT_RATE = None
TMDB_API_KEY = "a-read-access-token"
MUSICBRAINZ_INTERVAL = TMDB_INTERVAL = 0
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, as in production: simultaneous requests then meet the locks that they will meet there.
    DATABASES["default"]["TEST"] = {"NAME": Path(tempfile.gettempdir()) / f"wrong_opinions_test_{os.getpid()}.db"}
    # As fsync=off does for PostgreSQL in .ci/run: no test cuts the power.
    DATABASES["default"]["OPTIONS"]["init_command"] += "; PRAGMA synchronous=OFF"
