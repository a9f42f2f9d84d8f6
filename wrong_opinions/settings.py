"""Settings, read from the environment or from `.env`; `.env.example` explains each."""

import contextlib
import math
import re
import tomllib
from datetime import timedelta
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from corsheaders.defaults import default_headers
from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP

from wrong_opinions.problems import COMPONENTS

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

env = environ.Env()
env.read_env(env.str("ENV_FILE", default=str(BASE_DIR / ".env")), encoding="utf-8")


def rate(name: str, default: str) -> str | None:
    """A rate such as `10/min`, as REST framework writes it; None for `off`."""
    value: str = env.str(name, default=default).strip().lower()
    if value == "off":
        return None
    if not re.fullmatch(r"[0-9]*[1-9][0-9]*/(s(ec(ond)?)?|m(in(ute)?)?|h(our)?|d(ay)?)s?", value):
        raise ImproperlyConfigured(f"{name} must be a rate such as 10/min, or off.")
    return value


def base_url(name: str, default: str) -> str:
    """An http address without its trailing slash."""
    value: str = env.str(name, default=default).strip().rstrip("/")
    with contextlib.suppress(ValueError):  # the host or the port is not one
        parts = urlsplit(value)
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0:
            return value
    raise ImproperlyConfigured(f"{name} must be an http or https address.")


def header(name: str) -> str:
    """A value that is sent to upstreams in a header."""
    value: str = env.str(name, default="").strip()
    if not (value.isascii() and value.isprintable()):
        raise ImproperlyConfigured(f"{name} must consist of ASCII characters.")
    return value


def switch(name: str, *, default: bool) -> bool:
    """True or false; anything else is refused, as a mistyped HTTPS would leave the site open."""
    value = env.str(name, default=str(default)).strip().lower()
    if value in {"true", "1", "yes", "on"}:
        return True
    if value in {"false", "0", "no", "off", ""}:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false. Put comments on a line of their own.")


def names(name: str, default: str) -> list[str]:
    """What a comma-separated setting lists."""
    return [part.strip() for part in env.str(name, default=default).split(",") if part.strip()]


def number(name: str, default: float, at_least: float = 0) -> float:
    """A number of `at_least` or more. Raises ImproperlyConfigured."""
    try:
        value = float(env.str(name, default=str(default)))
    except ValueError:
        value = math.nan
    if not at_least <= value < 1e6:
        raise ImproperlyConfigured(f"{name} must be a number of {at_least:g} or more.")
    return value


# --- Site

SECRET_KEY: str = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Put the output of this command into .env: python3 -c 'import secrets; "
        'print("SECRET_KEY=" + secrets.token_urlsafe(50))\''
    )
DEBUG = switch("DEBUG", default=False)
HTTPS = switch("HTTPS", default=False)
ROOT_PATH: str = env.str("ROOT_PATH", default="").strip().rstrip("/")
if not re.fullmatch(r"(/[\w.~-]+)*", ROOT_PATH, re.ASCII):
    raise ImproperlyConfigured("ROOT_PATH must be a path such as /opinions, or empty.")
# The scheme, host and port only: the addresses of pages, which follow it in links, begin with ROOT_PATH.
SITE_URL = base_url("SITE_URL", "").removesuffix(ROOT_PATH) if env.str("SITE_URL", default="").strip() else ""
if any(urlsplit(SITE_URL)[2:]):
    raise ImproperlyConfigured("SITE_URL must not have a path other than ROOT_PATH.")
ALLOWED_HOSTS = names("ALLOWED_HOSTS", f"localhost,127.0.0.1,[::1],{urlsplit(SITE_URL).hostname or ''}")
APP_URL = base_url("APP_URL", "") if env.str("APP_URL", default="").strip() else ""
WEB_THREADS = int(number("WEB_THREADS", 8, at_least=3))
WEB_HEAD_TIMEOUT = number("WEB_HEAD_TIMEOUT", 10, at_least=0.1)
WEB_REQUEST_TIMEOUT = number("WEB_REQUEST_TIMEOUT", 30, at_least=0.1)
WEB_SEND_TIMEOUT = number("WEB_SEND_TIMEOUT", 30, at_least=0.1)

INSTALLED_APPS = [
    "wrong_opinions.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "accounts",
    "integrations",
    "catalog",
    "selections",
    "wrong_opinions",
]
MIDDLEWARE = [
    "wrong_opinions.request_log.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "wrong_opinions.compression.CompressionMiddleware",
    "wrong_opinions.headers.Headers",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",  # a 304 with another policy would replace that of the page
    "wrong_opinions.pages.SessionMiddleware",
    "wrong_opinions.api.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "wrong_opinions.pages.AuthenticationMiddleware",
    "wrong_opinions.pages.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.errors.RefusalMiddleware",
    "integrations.deadline.UpstreamDeadlineMiddleware",
]
ROOT_URLCONF = "wrong_opinions.urls"
WSGI_APPLICATION = "wrong_opinions.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.csp",
                "accounts.services.app",
            ]
        },
    }
]
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = "wrong_opinions.locale"  # ISO dates, as in ISO weeks
FORCE_SCRIPT_NAME = ROOT_PATH or None
STATIC_URL = f"{ROOT_PATH}/static/"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = ROOT_PATH or "/"
CSRF_TRUSTED_ORIGINS = [SITE_URL] if SITE_URL else []  # also where the proxy does not pass the port on
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "wrong_opinions.compression.StaticFilesStorage"},
}
FRONTEND_DIR = BASE_DIR / env.str("FRONTEND_DIR") if env.str("FRONTEND_DIR", default="").strip() else None
if FRONTEND_DIR:
    is_ours = any((FRONTEND_DIR / name).exists() for name in ("admin", "api", "health"))
    if is_ours or not (FRONTEND_DIR / "index.html").is_file():
        raise ImproperlyConfigured("FRONTEND_DIR must be a folder with index.html, and without admin, api and health.")
    WHITENOISE_ROOT = FRONTEND_DIR
    # Names with a digest, which never change: those of collectstatic, SvelteKit and Vite.
    WHITENOISE_IMMUTABLE_FILE_TEST = (
        r"^/(static/.+\.[0-9a-f]{12}\.\w+|(.+/)?immutable/.+|(.+/)?assets/.+[.-](?=[\w-]*[0-9A-Z])[\w-]{8,}\.\w+)\Z"
    )
LOG_FORMAT: str = env.str("LOG_FORMAT", default="")
if LOG_FORMAT not in {"", "text", "json"}:
    raise ImproperlyConfigured("LOG_FORMAT must be text or json, or empty.")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": ["levelname", "name", "message"],
            "rename_fields": {"levelname": "level", "name": "logger"},
            "timestamp": "time",
        },
    },
    "filters": {
        "address": {"()": "wrong_opinions.request_log.WithoutAddress"},
        # Failures of upstreams are logged where they happen.
        "own_failures": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: getattr(record, "status_code", 500) not in {502, 503, 504},
        },
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT or "text", "filters": ["address"]}
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # Below WARNING it logs whole URLs, which may contain a TMDB v3 key.
        "urllib3": {"level": "WARNING"},
        "django": {"handlers": [], "propagate": True},
        "access": {"level": "INFO" if LOG_FORMAT else "WARNING"},  # slow requests are warnings
        # Clients are told about their own errors.
        "django.request": {"level": "ERROR", "filters": ["own_failures"]},
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # scanners cause it all day
    },
}

# --- Database


def database(url: str, name: str) -> dict[str, Any]:
    """How to connect to the database at an address, which is the value of the setting `name`."""
    try:
        values: dict[str, Any] = env.db_url_config(url)
    except (ValueError, KeyError):
        values = {}
    if values.get("ENGINE") == "django.db.backends.sqlite3":
        if values["NAME"] != ":memory:":
            values["NAME"] = BASE_DIR / values["NAME"]
        # Several processes write without "database is locked" only with both: readers never block (WAL), and a
        # transaction takes the write lock at its start, where it can wait for it.
        commands = "PRAGMA journal_mode=WAL; PRAGMA cache_size=-16000"  # KB at most: lists of large databases need it
        options = {"init_command": commands, "transaction_mode": "IMMEDIATE", "timeout": 20}  # seconds
        values["ENGINE"] = "wrong_opinions.sqlite3"
    elif values.get("ENGINE") == "django.db.backends.postgresql":
        if not find_spec("psycopg"):
            raise ImproperlyConfigured(f"{name} needs PostgreSQL's driver. Install it: uv sync --extra postgres")
        options = {"connect_timeout": 2, "tcp_user_timeout": 1000}  # seconds, and milliseconds without an answer
        values["ENGINE"] = "wrong_opinions.postgresql"
    else:
        raise ImproperlyConfigured(f"{name} must be an address such as sqlite:///./wrong_opinions.db or postgres://…")
    # One connection per thread, as opening one costs more than most requests; checked when a request begins.
    keep: dict[str, Any] = {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
    return values | keep | {"OPTIONS": options | values.get("OPTIONS", {})}


DATABASES = {"default": database(env.str("DATABASE_URL", default="sqlite:///./wrong_opinions.db"), "DATABASE_URL")}
if direct_url := env.str("DATABASE_DIRECT_URL", default=""):
    # DATABASE_URL leads to a pooler, which may use another session for each transaction; this one is for backups.
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
    DATABASES["direct"] = database(direct_url, "DATABASE_DIRECT_URL") | {"TEST": {"MIRROR": "default"}}

# --- Accounts

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.Backend"]
PASSWORD_HASHERS = [
    "accounts.hashers.PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "accounts.hashers.BCryptHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "accounts.validators.CommonPasswordValidator"},
    {"NAME": "accounts.validators.MaximumLengthValidator"},
]
REGISTRATION_OPEN = switch("REGISTRATION_OPEN", default=True)
LOGIN_RATE = rate("LOGIN_RATE", "10/min")
REGISTER_RATE = rate("REGISTER_RATE", "10/hour")
REFRESH_RATE = rate("REFRESH_RATE", "60/min")
RESET_RATE = rate("RESET_RATE", "5/hour")
BLIND_REVEAL = switch("BLIND_REVEAL", default=True)
OWN_WEEKS_FIRST = switch("OWN_WEEKS_FIRST", default=False)
IMPORT_MAX_MB = number("IMPORT_MAX_MB", 10, at_least=0.1)
IMPORT_RATE = rate("IMPORT_RATE", "10/hour")
EXPORT_RATE = rate("EXPORT_RATE", "60/hour")
HAS_OLD_TOKEN_SETTING = "JWT_ACCESS_TOKEN_EXPIRE_MINUTES" in env  # the name in the FastAPI version
old_token_minutes = number("JWT_ACCESS_TOKEN_EXPIRE_MINUTES", 30, at_least=1)
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=number("ACCESS_TOKEN_MINUTES", old_token_minutes, at_least=1)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=number("REFRESH_TOKEN_DAYS", 30)),
    "LEEWAY": timedelta(seconds=10),  # difference between the clocks of two hosts
}

PASSWORD_RESET_TIMEOUT = 24 * 3600  # seconds
PASSWORD_RESET_URL: str = env.str("PASSWORD_RESET_URL", default="")
if PASSWORD_RESET_URL and set(re.findall(r"{.*?}|[{}]", PASSWORD_RESET_URL)) != {"{uid}", "{token}"}:
    raise ImproperlyConfigured("PASSWORD_RESET_URL must contain {uid} and {token}, and no other brackets.")
LOGIN_URL = "admin:login"  # the only page that asks for a password
SESSION_ENGINE = "accounts.admin_sessions"
SESSION_COOKIE_AGE = 12 * 3600  # seconds without use
SESSION_EXPIRE_AT_BROWSER_CLOSE = True

# --- Mail

try:
    mail = env.email_url("EMAIL_URL", default="consolemail://")
except (ImproperlyConfigured, ValueError):  # the latter may contain a part of the password
    mail = {}
if mail.get("EMAIL_BACKEND", "").rpartition(".backends.")[2].partition(".")[0] not in {"smtp", "console", "dummy"}:
    raise ImproperlyConfigured("EMAIL_URL must be an address such as smtp+tls://user:p%40ss@host:587, where %40 is @.")
MAILERS: dict[str, dict[str, Any]] = {"default": {"BACKEND": mail["EMAIL_BACKEND"]}}
if mail["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend":
    MAILERS["default"]["OPTIONS"] = {
        "host": mail["EMAIL_HOST"],
        "port": mail["EMAIL_PORT"],
        "username": mail["EMAIL_HOST_USER"],
        "password": mail["EMAIL_HOST_PASSWORD"],
        "use_tls": mail.get("EMAIL_USE_TLS", False),
        "use_ssl": mail.get("EMAIL_USE_SSL", False),
        "timeout": 20,  # seconds
    }
DEFAULT_FROM_EMAIL: str = env.str("MAIL_FROM", default="") or "wrong-opinions@localhost"

# --- API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["wrong_opinions.formats.Renderer"],
    "DEFAULT_PARSER_CLASSES": ["wrong_opinions.formats.JSONBodyParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "wrong_opinions.formats.AlwaysJSON",
    "DEFAULT_PAGINATION_CLASS": "wrong_opinions.formats.Pages",
    "DEFAULT_SCHEMA_CLASS": "wrong_opinions.openapi.Schema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "wrong_opinions.api.handle_exception",
    "URL_FORMAT_OVERRIDE": None,  # ?format= is a parameter of our own
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Wrong Opinions",
    "DESCRIPTION": (
        "A weekly ritual: for each ISO week, every member picks one or two movies and one or two albums, and disagrees."
        "\n\n"
        "This product uses the TMDB API but is not endorsed or certified by TMDB. Albums come from MusicBrainz, covers "
        "from the Cover Art Archive."
        "\n\n"
        "Each operation lists the codes of its problems; docs/api.md says what they mean. "
        "Besides the responses listed with each operation, the server answers 400, 413, 431, 501 or 503, also as "
        "problem details, to a request that it cannot read. It then closes the connection, as it does after a timeout."
    ),
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": ROOT_PATH}] if ROOT_PATH else [],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "APPEND_COMPONENTS": COMPONENTS,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "MovieSourceEnum": ["tmdb", "catalog"],
        "AlbumSourceEnum": ["musicbrainz", "catalog"],
        "ApiTokenScopeEnum": "accounts.models.ApiToken.Scope",
        "MemberStateEnum": "selections.insights.rounds.STATES",
        "ChallengeStateEnum": "selections.models.Challenge.State",
        "EventKindEnum": "selections.models.Event.Kind",
        "KindEnum": ["movie", "album"],
        "StateEnum": ["none", "empty", "partial", "complete"],  # of a week in statistics
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "wrong_opinions.openapi.describe_parameters",
        "wrong_opinions.openapi.describe_bodies",
        "wrong_opinions.examples.add_examples",
    ],
}
CORS_ALLOWED_ORIGINS = names("CORS_ALLOWED_ORIGINS", "")
CORS_URLS_REGEX = r"^/(api/.*|health)$"
CORS_EXPOSE_HEADERS = ["Content-Disposition", "ETag", "RateLimit", "RateLimit-Policy", "Retry-After"]
CORS_EXPOSE_HEADERS += ["WWW-Authenticate", "X-Request-ID"]
CORS_ALLOW_HEADERS = [*default_headers, "if-none-match"]

# --- Upstreams

TMDB_API_KEY = header("TMDB_API_KEY")
TMDB_BASE_URL = base_url("TMDB_BASE_URL", "https://api.themoviedb.org/3")
TMDB_INTERVAL = number("TMDB_INTERVAL", 0.03)
if TMDB_INTERVAL < 0.025 and f".{urlsplit(TMDB_BASE_URL).hostname}".endswith(".themoviedb.org"):
    raise ImproperlyConfigured("TMDB_INTERVAL must be 0.025 or more: TMDB allows about 40 requests a second.")
TMDB_IMAGE_BASE_URL = base_url("TMDB_IMAGE_BASE_URL", "https://image.tmdb.org/t/p")
TMDB_LANGUAGES = names("TMDB_LANGUAGE", "en-US") or ["en-US"]
if not all(re.fullmatch("[a-z]{2}(-[A-Z]{2})?", language) for language in TMDB_LANGUAGES):
    raise ImproperlyConfigured("TMDB_LANGUAGE must be languages such as de-DE,en-US.")
TMDB_REGION: str = env.str("TMDB_REGION", default="").strip()
if not re.fullmatch("([A-Z]{2})?", TMDB_REGION):
    raise ImproperlyConfigured("TMDB_REGION must be a country such as DE, or empty.")
MUSICBRAINZ_BASE_URL = base_url("MUSICBRAINZ_BASE_URL", "https://musicbrainz.org/ws/2")
MUSICBRAINZ_USER_AGENT = header("MUSICBRAINZ_USER_AGENT") or f"WrongOpinions/{VERSION}"
MUSICBRAINZ_INTERVAL = number("MUSICBRAINZ_INTERVAL", 1.05)
if MUSICBRAINZ_INTERVAL < 1 and f".{urlsplit(MUSICBRAINZ_BASE_URL).hostname}".endswith(".musicbrainz.org"):
    raise ImproperlyConfigured("MUSICBRAINZ_INTERVAL must be 1 or more: musicbrainz.org allows one request a second.")
MUSICBRAINZ_MAX_WAIT = number("MUSICBRAINZ_MAX_WAIT", 10)
UPSTREAM_COOLDOWN = number("UPSTREAM_COOLDOWN", 30)
COVERART_BASE_URL = base_url("COVERART_BASE_URL", "https://coverartarchive.org")
CACHE_MAX_MB = number("CACHE_MAX_MB", 500, at_least=1)
CACHE_DIR = BASE_DIR / (env.str("CACHE_DIR", default="") or ".cache")

# --- Backups

BACKUP_DIR = BASE_DIR / env.str("BACKUP_DIR", default="") if env.str("BACKUP_DIR", default="") else None
BACKUP_KEEP = int(number("BACKUP_KEEP", 14, at_least=1))

# --- Security

image_host = "{0.scheme}://{0.netloc}".format(urlsplit(TMDB_IMAGE_BASE_URL))
SECURE_CSP: dict[str, list[str]] = {
    "default-src": [CSP.SELF],
    # The Cover Art Archive redirects to archive.org, and that to one of its nodes; a wildcard excludes the domain.
    "img-src": [
        CSP.SELF,
        "data:",
        image_host,
        "https://coverartarchive.org",
        "https://archive.org",
        "https://*.archive.org",
    ],
    "style-src": [CSP.SELF, CSP.NONCE],
    "script-src": [CSP.SELF, CSP.NONCE],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
}
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    # A redirect breaks clients of the API, and the token would have been sent in the clear: see RefusePlainHTTP.
    SECURE_REDIRECT_EXEMPT = [rf"^{re.escape(f'{ROOT_PATH}/'.lstrip('/'))}(api/|health$)"]
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    MIDDLEWARE.insert(
        MIDDLEWARE.index("corsheaders.middleware.CorsMiddleware") + 1, "wrong_opinions.api.RefusePlainHTTP"
    )
try:
    METRICS_FOR = [ip_network(network) for network in names("METRICS_FOR", "")]
except ValueError:
    raise ImproperlyConfigured("METRICS_FOR must be addresses or networks such as 127.0.0.1,10.0.0.0/8.") from None
if METRICS_FOR:
    MIDDLEWARE.insert(0, "wrong_opinions.metrics.Metrics")
# HSTS covers this host only: the owner of the domain decides about subdomains and the preload list.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
