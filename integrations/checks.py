"""System checks of what an operator may have left out: `manage.py check`."""

import re

from django.conf import settings
from django.core.checks import Warning as CheckWarning

from .circuit import refusal, rest


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
    if settings.TMDB_API_KEY and (how := refusal("tmdb", settings.TMDB_API_KEY)):
        found.append(
            CheckWarning(
                f"TMDB refuses the TMDB_API_KEY of this server ({how}).",
                hint="Put a valid one into .env and restart; the first answer of TMDB ends this warning.",
                id="integrations.W003",
            )
        )
    if how := refusal("musicbrainz", settings.MUSICBRAINZ_USER_AGENT):
        found.append(
            CheckWarning(
                f"MusicBrainz refuses the MUSICBRAINZ_USER_AGENT of this server ({how}).",
                hint="Let it name the application, its version and a contact, and restart.",
                id="integrations.W004",
            )
        )
    return found


def troubles() -> list[str]:
    """What the admin tells its users of upstreams: settings to look at, and who does not answer."""
    names = {"tmdb": "TMDB", "musicbrainz": "MusicBrainz", "coverart": "The Cover Art Archive"}
    sentences = [f"{warning.msg} {warning.hint}" for warning in check_upstreams(None)]
    for service, name in names.items():
        if wait := rest(service):
            sentences.append(f"{name} does not answer; it is asked again in {wait} seconds.")
    return sentences
