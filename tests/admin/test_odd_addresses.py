"""Invalid addresses, and a busy database: the admin answers with a sentence, never with a 500."""

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError
from django.test import Client

from catalog.merging import merge
from catalog.models import Movie
from tests.factories import MovieFactory, UserFactory, WeekFactory

HUGE = "9" * 23


@pytest.fixture
def admin(db):
    client = Client(raise_request_exception=False)
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


@pytest.mark.parametrize(
    "address",
    [
        *(f"selections/week/add/?user={value}" for value in ("abc", "%00", HUGE)),
        *(f"selections/weekmovie/add/?week={value}" for value in ("abc", HUGE)),
        f"selections/week/?user={HUGE}",
        f"selections/opinion/?user={HUGE}",
        f"accounts/apitoken/?user={HUGE}",
        "selections/week/?created_at__year=0",
        "accounts/user/?date_joined__year=10000",
        f"catalog/movie/?id__in={HUGE}",
        "accounts/user/?visibility=%00",
    ],
)
def test_invalid_filters_are_ignored(admin, address):
    response = admin.get(f"/admin/{address}", follow=True)

    assert response.status_code == 200


def test_a_busy_database_is_said(admin, monkeypatch):
    week = WeekFactory()

    def busy(*args, **kwargs):
        raise OperationalError("database is locked")

    monkeypatch.setattr("django.contrib.admin.options.ModelAdmin.get_object", busy)
    address = f"/admin/selections/week/{week.pk}/change/"

    admin.raise_request_exception = False
    looked, saved = admin.get(address), admin.post(address, {})

    for response in (looked, saved):
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
        assert (
            response.content.decode()
            == "The database is busy or out of reach, and nothing was changed. Try again in a moment."
        )


@pytest.mark.parametrize("popup", [{"_to_field": "note"}, {"_to_field": "nosuch"}, {"_source_model": "nodot"}])
def test_popups_return_a_choice_to_forms_of_the_admin_only(admin, popup):
    movie = MovieFactory()

    response = admin.post("/admin/catalog/movie/search/", {"id": movie.tmdb_id, "_popup": "1"} | popup)

    assert response.status_code == 400


def test_a_work_into_which_another_was_merged_can_be_deleted(admin):
    kept, other = MovieFactory(), MovieFactory()
    merge(kept, [other])

    admin.post(f"/admin/catalog/movie/{kept.pk}/delete/", {"post": "yes"})

    assert not Movie.objects.exists()


def test_looking_adds_nothing_to_the_history(admin, tmdb_movie):
    tmdb_movie(id=603)

    assert admin.get("/admin/catalog/movie/search/?q=https://www.themoviedb.org/movie/603").status_code == 200

    assert not LogEntry.objects.exists()
