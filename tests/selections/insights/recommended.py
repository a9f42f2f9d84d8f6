"""Works with makers, ratings of them, and asking for recommendations."""

from catalog.models import AlbumArtist, MovieCrew
from tests.factories import OPINIONS, PICKS, AlbumFactory, MovieFactory, MovieOpinionFactory, WeekFactory

MOVIES, ALBUMS = "/api/recommendations/movies", "/api/recommendations/albums"


def directed(person, **values):
    movie = MovieFactory(**values)
    MovieCrew.objects.create(movie=movie, person=person, credit_id=f"d{movie.pk}", job="Director", order=0)
    return movie


def played(who, **values):
    album = AlbumFactory(**values)
    AlbumArtist.objects.create(album=album, artist=who, position=0, name=who.name)
    return album


def rated(user, work, rating, week=None):
    """The user's own pick of the work, rated by them unless the rating is None."""
    pick = PICKS[work.kind](week=week or WeekFactory(user=user), **{work.kind: work})
    if rating is not None:
        OPINIONS[work.kind](user=user, rating=rating, **{f"{work.kind}_pick": pick})
    return pick


def ask(api, address, **query):
    response = api.get(address, query)
    assert response.status_code == 200, response.json()
    return response.json()


def movies(api, **query):
    return [result["movie"]["id"] for result in ask(api, MOVIES, **query)["results"]]


def albums(api, **query):
    return [result["album"]["id"] for result in ask(api, ALBUMS, **query)["results"]]


def agree(user, ben, works=4):
    """Both rate the same works alike."""
    for _ in range(works):
        pick = rated(user, MovieFactory(), 9)
        MovieOpinionFactory(user=ben, movie_pick=pick, rating=9)
