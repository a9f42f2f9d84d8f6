from datetime import timedelta

from django.utils import timezone

from tests.factories import MovieFactory


def ago(days):
    return timezone.now() - timedelta(days=days)


def old_movie(days, **values):
    texts = {"overview": "Old.", "tagline": "Old!", "poster_path": "/old.jpg", "backdrop_path": "/old.jpg"}
    texts |= {"overview_language": "en-US"}
    values = texts | {"vote_average": 7.5, "vote_count": 9, "title": "Old"} | values
    return MovieFactory(tmdb_id=120, fetched_at=ago(days), **values)
