"""System checks of what an operator may have left out: `manage.py check`."""

import re

from django.conf import settings
from django.core.checks import Warning as CheckWarning

from . import coverart, musicbrainz, tmdb

NO_KEY = "Get a key at https://www.themoviedb.org/settings/api and put it into .env."
NO_CONTACT = f"Such as MUSICBRAINZ_USER_AGENT=WrongOpinions/{settings.VERSION} ( you@example.org ) in .env."
BAD_KEY = "Put a valid one into .env and restart; the first answer of TMDB ends this warning."
BAD_NAME = "Let it name the application, its version and a contact, and restart."


def check_upstreams(app_configs: object, **kwargs: object) -> list[CheckWarning]:
    found = []
    if not settings.TMDB_API_KEY:
        found.append(("TMDB_API_KEY is not set: movies are only found in the catalog.", NO_KEY, "tmdb", "W001"))
    if not re.search(r"@|https?://", settings.MUSICBRAINZ_USER_AGENT):
        what = "MUSICBRAINZ_USER_AGENT names no contact: MusicBrainz may block requests without one."
        found.append((what, NO_CONTACT, "musicbrainz", "W002"))
    if settings.TMDB_API_KEY and (how := tmdb.upstream.breaker.last_refusal(tmdb.upstream.identity)):
        found.append((f"TMDB refuses the TMDB_API_KEY of this server ({how}).", BAD_KEY, "tmdb", "W003"))
    if how := musicbrainz.upstream.breaker.last_refusal(musicbrainz.upstream.identity):
        what = f"MusicBrainz refuses the MUSICBRAINZ_USER_AGENT of this server ({how})."
        found.append((what, BAD_NAME, "musicbrainz", "W004"))
    return [CheckWarning(what, hint, service, f"integrations.{code}") for what, hint, service, code in found]


def troubles() -> list[str]:
    """What the admin tells its users about upstreams: settings to check, and which ones do not answer."""
    return [f"{warning.msg} {warning.hint}" for warning in check_upstreams(None)] + [
        f"{upstream.name} does not answer; the next request is sent in {wait} seconds."
        for upstream in (tmdb.upstream, musicbrainz.upstream, coverart.upstream)
        if (wait := upstream.breaker.cooldown_left())
    ]
