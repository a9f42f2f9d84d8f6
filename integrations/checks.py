"""System checks of what an operator may have left out: `manage.py check`."""

import re

from django.conf import settings
from django.core.checks import Warning as CheckWarning


def check_upstreams(app_configs, **kwargs) -> list[CheckWarning]:
    found = []
    if not settings.TMDB_API_KEY:
        found.append(
            CheckWarning(
                "TMDB_API_KEY is not set: movies are only found in the catalog.",
                hint="Get a key at https://www.themoviedb.org/settings/api and put it into .env.",
                id="integrations.W001",
            )
        )
    if not re.search(r"@|https?://", settings.MUSICBRAINZ_USER_AGENT):
        found.append(
            CheckWarning(
                "MUSICBRAINZ_USER_AGENT names no contact, and MusicBrainz may block those who cannot be reached.",
                hint=f"Such as MUSICBRAINZ_USER_AGENT=WrongOpinions/{settings.VERSION} ( you@example.org ) in .env.",
                id="integrations.W002",
            )
        )
    return found
