import importlib
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.admin.sites import site
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.urls import reverse

from accounts.models import User
from selections.models import Opinion, ShortlistItem, Week
from tests.admin.everything import fill
from tests.admin.staff import address, client_of
from tests.factories import (
    AlbumFactory,
    MovieFactory,
    MovieOpinionFactory,
    ShortlistItemFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekMovieFactory,
)

CURATED = [model for model in site._registry if model._meta.app_label in {"catalog", "selections"}]
KEPT_AWAY = [model for model in site._registry if model not in CURATED]
MIGRATIONS = [
    importlib.import_module(f"selections.migrations.{name}")
    for name in ("0005_curators", "0013_shortlists_and_challenges")
]
GRANTED = {
    app: {model: actions for migration in MIGRATIONS for model, actions in migration.GRANTED.get(app, {}).items()}
    for app in ("catalog", "selections")
}


def make_curators():
    for migration in MIGRATIONS:
        migration.make_curators(apps, SimpleNamespace(connection=connection))


def granted():
    names = Group.objects.get(name="curator").permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in names}


def wanted():
    return {
        f"{app}.{action}_{model}"
        for app, models in GRANTED.items()
        for model, actions in models.items()
        for action in actions
    }


@pytest.fixture
def curator(db):
    """A client of a curator; the group is made again, as tests that empty the database take it along."""
    make_curators()
    staff = UserFactory(username="curator", is_staff=True)
    staff.groups.add(Group.objects.get(name="curator"))
    return client_of(staff)


def test_curators_see_catalog_and_weeks_and_what_is_in_them(curator):
    fill(1)

    for model in CURATED:
        lists, form = curator.get(address(model, "changelist")), address(model, "change", model.objects.first().pk)
        assert (lists.status_code, curator.get(form).status_code) == (200, 200), model
    assert curator.get("/admin/").status_code == 200


def test_curators_see_no_accounts(curator):
    fill(1)

    for model in KEPT_AWAY:
        row = model._default_manager.first()
        pages = [address(model, "changelist"), address(model, "add")]
        if row:
            pages += [address(model, page, row.pk) for page in ("change", "delete", "history")]
        for page in pages:
            assert (page, curator.get(page).status_code) == (page, 403)
            assert (page, curator.post(page, {"post": "yes"}).status_code) == (page, 403)
    person = User.objects.exclude(username="curator").first()
    assert curator.get(f"/admin/accounts/user/{person.pk}/password/").status_code == 403
    assert curator.get("/admin/accounts/").status_code == 404
    assert curator.get("/admin/").content.decode().count("/admin/accounts/") == 0
    assert User.objects.filter(pk=person.pk).exists()


def test_accounts_are_links_only_for_those_who_may_see_them(curator, admin_client):
    pick = WeekMovieFactory(week__user__username="ben")
    week, opinion = pick.week, MovieOpinionFactory(movie_pick=pick, user=pick.week.user)
    link = f'href="{address(User, "change", week.user_id)}"'

    for page in (address(Opinion, "change", opinion.pk), address(Week, "change", week.pk)):
        assert link in admin_client.get(page).content.decode()
        shown = curator.get(page).content.decode()
        assert link not in shown
        assert '<div class="readonly">ben</div>' in shown


def test_a_curator_puts_a_week_together(curator):
    owner, movie = UserFactory(), MovieFactory()
    form = address(Week, "add")
    data = {"user": owner.pk, "year": 2026, "week_number": 7, "notes": ""}
    data |= {"movie_picks-TOTAL_FORMS": 1, "movie_picks-INITIAL_FORMS": 0}
    data |= {"album_picks-TOTAL_FORMS": 0, "album_picks-INITIAL_FORMS": 0}
    data |= {"movie_picks-0-movie": movie.pk, "movie_picks-0-position": 1}
    data |= {"movie_picks-0-added_at_0": "2026-02-11", "movie_picks-0-added_at_1": "12:00:00"}

    asked = {"app_label": "selections", "model_name": "week", "field_name": "user", "term": owner.username}
    suggested = curator.get(reverse("admin:autocomplete"), asked).json()["results"]
    response = curator.post(form, data)

    assert suggested == [{"id": str(owner.pk), "text": str(owner)}]  # though curators cannot see accounts
    assert response.status_code == 302
    assert Week.objects.get(user=owner).movie_picks.get().movie == movie


def test_curators_delete_opinions_and_change_none(curator):
    opinion = MovieOpinionFactory(rating=7)

    changed = curator.post(
        address(Opinion, "change", opinion.pk),
        {"user": opinion.user_id, "movie_pick": opinion.movie_pick_id, "rating": 1, "review": ""},
    )
    added = curator.get(address(Opinion, "add"))
    opinion.refresh_from_db()
    removed = curator.post(address(Opinion, "delete", opinion.pk), {"post": "yes"})

    assert (changed.status_code, added.status_code, opinion.rating) == (403, 403, 7)
    assert removed.status_code == 302
    assert not Opinion.objects.exists()


def test_a_note_is_corrected_though_a_vote_has_been_taken_back_meanwhile(admin_client, other):
    item = ShortlistItemFactory()
    vote = item.votes.create(user=other)
    shown = {"votes-TOTAL_FORMS": 1, "votes-INITIAL_FORMS": 1, "votes-0-id": vote.pk, "votes-0-item": item.pk}
    vote.delete()

    response = admin_client.post(address(ShortlistItem, "change", item.pk), shown | {"note": "Corrected"})

    item.refresh_from_db()
    assert (response.status_code, item.note) == (302, "Corrected")


def test_curators_see_the_whole_overview(curator):
    WeekAlbumFactory(album=AlbumFactory(genres=["jazz"]))

    overview = curator.get("/admin/").context["overview"]

    assert [figure.name for figure in overview["figures"]] == ["weeks", "ratings", "movie-genres", "album-genres"]
    assert len(overview["upstreams"]) == 3


def test_curators_have_every_model_of_the_catalog(db):
    """A model that is added later needs a migration that grants its permissions, unless the admin does not show it."""
    make_curators()
    not_shown = {"event", "sharedyear"}

    assert set(GRANTED["catalog"]) == {model._meta.model_name for model in apps.get_app_config("catalog").get_models()}
    assert set(GRANTED["selections"]) | not_shown == {
        model._meta.model_name for model in apps.get_app_config("selections").get_models()
    }
    assert granted() == wanted()


def test_on_a_database_in_use_nothing_is_created_twice_and_members_stay(db):
    make_curators()
    member = UserFactory()
    member.groups.add(Group.objects.get(name="curator"))
    before = Permission.objects.count()
    Group.objects.get(name="curator").permissions.clear()

    make_curators()
    make_curators()

    assert granted() == wanted()
    assert Permission.objects.count() == before
    assert member.groups.get().name == "curator"


@pytest.mark.django_db(transaction=True)
def test_migrate_makes_the_group_before_djangos_permissions_and_keeps_it():
    permissions = Permission.objects.filter(content_type__app_label__in=["catalog", "selections"])
    names = sorted(permissions.values_list("codename", "name"))

    def migrate(*target):
        call_command("migrate", *target, verbosity=0)
        return granted()

    make_curators()
    try:
        migrate("selections", "0004")
        Group.objects.all().delete()
        ContentType.objects.filter(app_label__in=["catalog", "selections"]).delete()  # as in a new database
        ContentType.objects.clear_cache()
        assert migrate() == wanted()
        assert sorted(permissions.values_list("codename", "name")) == names
        assert [migrate("selections", "0004"), migrate()] == [wanted()] * 2
    finally:
        migrate()
        ContentType.objects.clear_cache()
