"""System checks of sign-in: `manage.py check`."""

from django.conf import settings
from django.core.checks import Warning as CheckWarning


def check_secret_key(app_configs, **kwargs) -> list[CheckWarning]:
    """Say so when tokens could be forged; Django's own check comes with --deploy only."""
    key = settings.SECRET_KEY
    if settings.DEBUG or (len(key) >= 50 and len(set(key)) >= 5 and not key.startswith("django-insecure-")):
        return []
    return [
        CheckWarning(
            "SECRET_KEY is weak: whoever guesses it signs in as anybody.",
            hint="Put 50 or more random characters into .env.",
            id="accounts.W001",
        )
    ]


def check_links(app_configs, **kwargs) -> list[CheckWarning]:
    """Say so when links in mail may lead nowhere."""
    backend = settings.MAILERS["default"]["BACKEND"].rpartition("backends.")[2].partition(".")[0]
    if settings.SITE_URL or backend in {"console", "dummy", "locmem"}:
        return []
    return [
        CheckWarning(
            "Mail is sent, but SITE_URL is not set: links in it lead to the first name in ALLOWED_HOSTS.",
            hint="Put SITE_URL=https://… into .env.",
            id="accounts.W002",
        )
    ]
