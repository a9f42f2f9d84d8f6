"""Imports of rows, as tests write them."""

from selections.models import WeekAlbum, WeekMovie
from selections.transfer.importing import Importer
from selections.transfer.kept_rows import fingerprints
from selections.transfer.readers.rows import Row


def film(title="", year=None, week=(2024, 7), **values):
    return Row(place="line 2", kind="movie", title=title, year=year, week=week, **values)


def record(title="", artist="", week=(2024, 7), **values):
    return Row(place="line 2", kind="album", title=title, artist=artist, week=week, **values)


def run(user, *rows, **how):
    return list(Importer(user, fingerprints(rows), **{"apply": True} | how).run())


def states(outcomes):
    return [outcome.state for outcome in outcomes]


def picks_of(user):
    """The names of what is in each week, by week and position."""
    movies = WeekMovie.objects.filter(week__user=user).select_related("week", "movie")
    albums = WeekAlbum.objects.filter(week__user=user).select_related("week", "album")
    return {(pick.week.name, pick.position): pick.movie.title for pick in movies} | {
        (pick.week.name, -pick.position): pick.album.title for pick in albums
    }


THREE = [film("The Matrix", 1999), film("Heat", 1995), film("Alien", 1979)]
