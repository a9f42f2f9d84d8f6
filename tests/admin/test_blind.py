"""Staff who take part in a week cannot read others' opinions on it in the admin earlier than elsewhere."""

import re

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from selections.models import EarlierRating, Opinion, Week, WeekMovie
from tests.admin.everything import REFUSED, fill, pages_of
from tests.admin.staff import address, client_of, client_with
from tests.factories import (
    AlbumOpinionFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

# Pages about users, works or picks; rows on other pages have no opinions.
OF_OPINIONS = [
    ("site", "index"),
    ("accounts", "accounts_user"),
    ("catalog", ("catalog_movie", "catalog_album", "catalog_merge")),
    ("selections", "selections_week_"),
    ("selections", ("selections_weekmovie", "selections_weekalbum")),
    ("selections", ("selections_opinion", "selections_importedrow")),
]
NOTE = "Some opinions are hidden because you take part in their week."


@pytest.fixture
def secret(other, now):
    """The owner's opinion on a movie of this week, and an earlier rating."""
    week = WeekFactory(user=other, year=2026, week_number=7)
    opinion = MovieOpinionFactory(
        user=other, movie_pick=WeekMovieFactory(week=week), rating=9, review="A hidden masterpiece"
    )
    AlbumOpinionFactory(user=other, album_pick=WeekAlbumFactory(week=week), rating=9, review="A hidden masterpiece")
    EarlierRating.objects.create(opinion=opinion, rating=1)
    return opinion


@pytest.fixture
def chief(db):
    return UserFactory(username="chief", is_staff=True, is_superuser=True)


def read(client, path, **query):
    """The text of a page, without what differs each time."""
    text = client.get(path, query, follow=True).content.decode()
    return re.sub(r'(csrfmiddlewaretoken" value|nonce)="[^"]+"', "", text)


def lists(client):
    return read(client, address(Opinion, "changelist"))


@pytest.mark.parametrize(("app", "names"), OF_OPINIONS)
def test_no_page_depends_on_what_is_hidden(secret, chief, other, app, names):
    WeekFactory(user=chief, year=2026, week_number=7)
    fill(1)
    client = client_of(chief)
    known = {name: place for name, place in pages_of(app).items() if name not in REFUSED}
    places = [place for name, place in known.items() if name.startswith(names)]
    if "selections_opinion" in names:
        queries = ("q=hidden", "rating=9", "o=3", "_facets=True")
        places += [f"{address(Opinion, 'changelist')}?{query}" for query in queries]
    places += [address(User, "change", other.pk)]
    before = {place: read(client, place) for place in places}
    assert len(places) > 1

    Opinion.objects.filter(review="A hidden masterpiece").update(rating=2, review="Something else")
    EarlierRating.objects.update(rating=5)

    assert [place for place in places if read(client, place) != before[place]] == []
    assert "hidden masterpiece" not in "".join(before.values())


def test_those_who_take_no_part_read_everything(secret, chief):
    WeekFactory(user=chief, year=2026, week_number=6)
    client = client_of(chief)

    assert "A hidden masterpiece" in read(client, address(Week, "change", secret.movie_pick.week_id))
    assert str(secret) in lists(client)
    assert NOTE not in lists(client)


def test_a_week_and_the_list_say_that_something_is_hidden(secret, chief):
    WeekFactory(user=chief, year=2026, week_number=7)
    client = client_of(chief)

    assert NOTE in lists(client)
    assert str(secret) not in lists(client)
    form = read(client, address(Week, "change", secret.movie_pick.week_id))
    assert form.count(NOTE) == 2  # of the movie, and of the album
    assert "A hidden masterpiece" not in form


@pytest.mark.parametrize(("query", "count"), [("", 2), ("?rating=9", 1), ("?rating=none", 1), ("?rating=2", 0)])
def test_lists_count_what_they_show(secret, chief, query, count):
    WeekFactory(user=chief, year=2026, week_number=7)
    MovieOpinionFactory(rating=9)
    MovieOpinionFactory(rating=None, review="Long.")

    listed = client_of(chief).get(address(Opinion, "changelist") + query).context["cl"]

    assert (listed.result_count, len(listed.result_list)) == (count, count)


def test_it_is_shown_to_those_who_have_given_their_own(secret, chief):
    WeekFactory(user=chief, year=2026, week_number=7)
    MovieOpinionFactory(user=chief, movie_pick=secret.movie_pick)

    text = lists(client_of(chief))

    assert str(secret) in text
    assert str(Opinion.objects.get(album_pick__isnull=False)) not in text


@pytest.mark.parametrize(("zone", "is_shown"), [("UTC", True), ("America/New_York", False)])
def test_it_is_shown_when_the_week_is_over(secret, chief, time_machine, zone, is_shown):
    User.objects.filter(pk=secret.user_id).update(time_zone=zone)
    WeekFactory(user=chief, year=2026, week_number=7)
    time_machine.move_to("2026-02-16T00:00:00Z", tick=False)

    assert (str(secret) in lists(client_of(chief))) == is_shown


def test_an_instance_may_do_without(secret, chief, settings):
    settings.BLIND_REVEAL = False
    WeekFactory(user=chief, year=2026, week_number=7)

    assert str(secret) in lists(client_of(chief))


def test_what_has_revealed_others_is_not_deleted_here_either(secret, chief, time_machine):
    own = MovieOpinionFactory(user=chief, movie_pick=secret.movie_pick)
    client = client_of(chief)
    one = address(Opinion, "delete", own.pk)
    action = {"action": "delete_selected", "_selected_action": [own.pk], "post": "yes"}

    answers = [client.post(one, {"post": "yes"}), client.post(address(Opinion, "changelist"), action)]
    assert all("can be deleted once the week is over" in answer.content.decode() for answer in answers)
    assert Opinion.objects.filter(pk=own.pk).exists()
    assert client.post(address(Opinion, "delete", secret.pk), {"post": "yes"}).status_code == 302  # a curator's duty

    assert client.post(one, {"post": "yes"}).status_code == 302
    assert not Opinion.objects.filter(movie_pick__isnull=False).exists()


@pytest.fixture
def own(other, chief, now):
    """The chief's opinion on the movie of their own current week; another member has one on it, too."""
    pick = WeekMovieFactory(week=WeekFactory(user=chief, year=2026, week_number=7))
    MovieOpinionFactory(user=other, movie_pick=pick)
    return MovieOpinionFactory(user=chief, movie_pick=pick)


@pytest.mark.parametrize("model", [Week, WeekMovie])
def test_nor_is_the_pick_or_the_week_of_your_own_that_it_would_go_with(own, chief, time_machine, model):
    client, pk = client_of(chief), model.objects.get().pk
    action = {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}

    for place, body in ((address(model, "delete", pk), {"post": "yes"}), (address(model, "changelist"), action)):
        assert "can be deleted once the week is over" in client.post(place, body).content.decode()
    assert Opinion.objects.count() == 2

    time_machine.move_to("2026-02-16T00:00:00Z", tick=False)
    assert client_of(chief).post(address(model, "delete", pk), {"post": "yes"}).status_code == 302
    assert not Opinion.objects.exists()


def test_nor_in_the_form_of_your_own_week(own, chief, other):
    week = own.movie_pick.week
    body = {"year": 2026, "week_number": 7, "notes": ""}
    body |= {f"album_picks-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL")}
    body |= {f"movie_picks-{name}_FORMS": 1 for name in ("TOTAL", "INITIAL")}
    body |= {"movie_picks-0-id": own.movie_pick_id, "movie_picks-0-week": week.pk, "movie_picks-0-position": 1}
    body |= {"movie_picks-0-movie": own.movie_pick.movie_id, "movie_picks-0-DELETE": "on"}

    page = client_of(chief).post(address(Week, "change", week.pk), body).content.decode()
    assert "opinions on this movie. Remove it once the week is over." in page
    assert WeekMovie.objects.exists()

    curator = UserFactory(is_staff=True, is_superuser=True)
    assert client_of(curator).post(address(Week, "change", week.pk), body).status_code == 302
    assert not WeekMovie.objects.exists()


def test_deleting_a_week_says_whose_opinions_go(secret, chief):
    page = read(client_of(chief), address(Week, "delete", secret.movie_pick.week_id))

    assert str(secret) in page
    assert client_of(chief).post(address(Week, "delete", secret.movie_pick.week_id), {"post": "yes"}).status_code == 302
    assert not WeekMovie.objects.exists()


def test_the_forms_that_grant_rights_say_so(chief, user):
    group = Group.objects.create(name="helpers")
    client = client_of(chief)

    for page in (address(Group, "change", group.pk), address(User, "change", user.pk)):
        assert "In a week in which they take part themselves" in read(client, page)


def test_who_only_sees_weeks_learns_nothing(secret):
    week = WeekFactory(year=2026, week_number=7)
    client = client_with("view_week", "view_weekmovie", "view_weekalbum")

    assert "hidden masterpiece" not in read(client, address(Week, "change", week.pk))
