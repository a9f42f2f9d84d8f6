"""Rows of every model that the admin shows, and the addresses of all its pages."""

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.sites import site
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.models import Attempts, Invitation, User
from catalog import merging
from catalog.models import Album, AlbumArtist, Movie, MovieCast, MovieCrew
from selections.models import EarlierRating, Event, ImportedRow, Opinion, ShortlistItem, WeekAlbum, WeekMovie
from tests.conftest import session_of
from tests.factories import (
    AlbumFactory,
    AlbumOpinionFactory,
    ArtistFactory,
    ChallengeFactory,
    MovieFactory,
    MovieOpinionFactory,
    PersonFactory,
    ShortlistItemFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)
from wrong_opinions.models import Webhook

APPS = ("accounts", "catalog", "selections", "wrong_opinions")
# Rows from outside cannot be added by hand, and records of what was done cannot be deleted.
REFUSED = {
    "accounts_apitoken_add",
    "accounts_attempts_add",
    "accounts_session_add",
    "catalog_artist_add",
    "catalog_merge_add",
    "catalog_merge_delete",
    "catalog_person_add",
    "selections_challenge_add",
    "selections_importedrow_add",
    "selections_shortlistitem_add",
}


def fill(count: int) -> None:
    """More rows of every model. Most are related to the first row of each, so that its pages grow like the lists."""
    ada = User.objects.filter(username="ada").first() or UserFactory(username="ada")
    movie = Movie.objects.order_by("pk").first() or MovieFactory(poster_path="/x.jpg", genres=["Drama"])
    album = Album.objects.order_by("pk").first() or AlbumFactory(cover_art_url="https://coverartarchive.org/x")
    PersonFactory(), ArtistFactory()
    if not ImportedRow.objects.exists():
        wait(ada, "another row")  # the page of the last one would look for the next one twice
    for _ in range(count):
        number = LogEntry.objects.count()
        another = UserFactory()
        week = WeekFactory(user=ada, year=2000 + WeekMovie.objects.count(), week_number=7)
        WeekMovieFactory(week=week, movie=movie)
        WeekAlbumFactory(week=week, album=album)
        opinion = MovieOpinionFactory(user=another, movie_pick=WeekMovie.objects.order_by("pk").first())
        AlbumOpinionFactory(user=another, album_pick=WeekAlbum.objects.order_by("pk").first())
        EarlierRating.objects.create(opinion=Opinion.objects.order_by("pk").first() or opinion, rating=3)
        credit(movie, album, number)
        merging.merge(movie, [MovieFactory()])
        merging.merge(album, [AlbumFactory()])
        services.create_token(ada, name=f"widget {number}", scope="read")
        services.invite(note=f"friend {number}")
        Invitation.objects.filter(used_by=None).update(used_by=another, used_at=timezone.now())
        session_of(ada)
        Attempts.objects.create(key=f"key {number}", expires_at="2026-01-01T00:00:00Z")
        Group.objects.create(name=f"group {number}")
        wait(ada, f"row {number}")
        ShortlistItemFactory(user=ada, suggested_by=another)
        given = ShortlistItem.objects.order_by("pk").first().votes.create(user=another)
        tell(Event(kind="voted", user=another, vote=given), Event(kind="week_completed", user=ada, week=week))
        ChallengeFactory(challenger=another, member=ada)
        remember(ada)


def credit(movie: Movie, album: Album, number: int) -> None:
    """Another of the first person's films and of the first artist's albums, and others in the first film and album."""
    person, artist = PersonFactory._meta.model, ArtistFactory._meta.model
    first, other = person.objects.order_by("pk").first(), PersonFactory()
    for of, who in ((movie, other), (MovieFactory(), first)):
        MovieCast.objects.create(movie=of, person=who, credit_id=f"part {number}", order=number)
        MovieCrew.objects.create(movie=of, person=who, credit_id=f"job {number}", job="Director", order=number)
    first, other = artist.objects.order_by("pk").first(), ArtistFactory()
    for of, who in ((album, other), (AlbumFactory(), first)):
        AlbumArtist.objects.create(album=of, artist=who, position=number, name="x")


def wait(user: User, title: str) -> None:
    """An imported row that has to be decided."""
    candidate = {"title": title, "artist": "", "released": "2021", "score": 80, "group": "", "picture": "/x.jpg"}
    ImportedRow.objects.create(
        user=user,
        fingerprint=title,
        kind="movie",
        state="review",
        reason="There are two of that name",
        said={"title": title, "week": [1999, 7], "kind": "movie"},
        candidates=[candidate | {"id": "841"}, candidate | {"id": "438631"}],
    )


def remember(user: User) -> None:
    """An entry in the history of each first row."""
    for model in site._registry:
        row = first(model)
        if row:
            kind = ContentType.objects.get_for_model(model)
            LogEntry.objects.create(
                user=user, content_type=kind, object_id=str(row.pk), object_repr="x", action_flag=CHANGE
            )


def tell(*events: Event) -> None:
    """Events with deliveries to webhooks: all of them to the first one."""
    Webhook.objects.create(name=f"club {Webhook.objects.count()}", url="https://example.org/")
    for event in events:
        event.save()
        Webhook.objects.order_by("pk").first().deliveries.create(event=event)


def first(model):
    rows = User.objects.filter(username="ada") if model is User else model._default_manager.order_by("pk")
    return rows.first()


def pages_of(app: str) -> dict[str, str]:
    """The pages of an app of APPS; `site` has all others."""

    def app_of(name: str) -> str:
        return next((known for known in APPS if name.removeprefix("app_").startswith(known)), "site")

    return {name: address for name, address in pages().items() if app_of(name) == app}


def pages() -> dict[str, str]:
    """Addresses of all pages of the admin by their names; pages about one row show the first one."""
    found = {name: reverse(f"admin:{name}") for name in ("index", "password_change", "password_change_done")}
    found["round"] = reverse("admin:round") + "?week=2000-W07"
    found |= {f"app_{app}": reverse("admin:app_list", args=[app]) for app in APPS}
    for model, model_admin in site._registry.items():
        row = first(model)
        for pattern in model_admin.get_urls():
            if pattern.name:  # the last is a redirect of Django's
                arguments = [row.pk] if pattern.pattern.regex.groups else []
                found[pattern.name] = reverse(f"admin:{pattern.name}", args=arguments) + query(pattern.name)
    for kind, model in (("movie", Movie), ("album", Album)):
        merge = reverse(f"admin:catalog_{kind}_merge")
        found[f"catalog_{kind}_merge_search"] = f"{merge}?id={first(model).pk}&q={kind}"
    return found


def query(name: str) -> str:
    """The query with which a page shows everything it can without asking an upstream."""
    ada = User.objects.get(username="ada")
    match name:
        case "selections_week_grid":
            return f"?user={ada.pk}&year=2000"
        case "selections_week_backfill":
            return f"?user={ada.pk}&first=2000-W01&last=2000-W20"
        case "catalog_movie_merge" | "catalog_album_merge":
            model = Movie if "movie" in name else Album
            return "?" + "&".join(f"id={pk}" for pk in model.objects.order_by("pk").values_list("pk", flat=True)[:2])
        case "selections_weekmovie_rematch" | "selections_weekalbum_rematch":
            return "?q="
    return ""
