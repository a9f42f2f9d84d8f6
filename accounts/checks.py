"""System checks of sign-in and mail."""

from django.conf import settings
from django.core.checks import Warning as CheckWarning
from django.core.checks import register


@register
def check_secret_key(app_configs: object, **kwargs: object) -> list[CheckWarning]:
    """Warn where tokens could be forged; Django checks this only with --deploy."""
    key = settings.SECRET_KEY
    if settings.DEBUG or (len(key) >= 50 and len(set(key)) >= 5 and not key.startswith("django-insecure-")):
        return []
    message = "SECRET_KEY is weak: anyone who guesses it can sign in as any user."
    return [CheckWarning(message, hint="Put 50 or more random characters into .env.", id="accounts.W001")]


@register
def check_old_names(app_configs: object, **kwargs: object) -> list[CheckWarning]:
    """Warn about a setting of the FastAPI version."""
    if not settings.HAS_OLD_TOKEN_SETTING:
        return []
    message = "JWT_ACCESS_TOKEN_EXPIRE_MINUTES is the old name of ACCESS_TOKEN_MINUTES, which is read first."
    return [CheckWarning(message, hint="Rename it in .env.", id="accounts.W003")]


@register
def check_links(app_configs: object, **kwargs: object) -> list[CheckWarning]:
    """Warn where links in mail may lead nowhere."""
    backend = settings.MAILERS["default"]["BACKEND"].rpartition("backends.")[2].partition(".")[0]
    if settings.SITE_URL or backend in {"console", "dummy", "locmem"}:
        return []
    message = "Mail is sent, but SITE_URL is not set: links in it lead to the first name in ALLOWED_HOSTS."
    return [CheckWarning(message, hint="Put SITE_URL=https://… into .env.", id="accounts.W002")]
