"""The least that a Django server can do for four of our answers: no middleware, no framework, the SQL by hand.

This module is the settings, the URL configuration and the WSGI application of a server that reads our database.
reads.py serves it beside ours. Serve it nowhere else: it checks nothing and shows everything.
"""

import functools
import json

import jwt
from django.http import HttpResponse
from django.urls import path

from wrong_opinions.settings import *  # noqa: F403
from wrong_opinions.settings import SECRET_KEY

MIDDLEWARE: list[str] = []
INSTALLED_APPS: list[str] = ["django.contrib.auth", "django.contrib.contenttypes", "accounts", "integrations"]
ROOT_URLCONF = __name__
DEBUG = False

WEEK = """SELECT w.id, w.user_id, u.username, w.year, w.week_number, w.notes, w.created_at, w.updated_at
    FROM selections_week w JOIN accounts_user u ON u.id = w.user_id"""
NAMES = ["id", "user_id", "username", "year", "week_number", "notes", "created_at", "updated_at"]
PICK = """SELECT p.position, p.added_at, p.rewatch, m.id, m.{id}, m.title, m.own_title, m.release_date, m.fetched_at
    FROM selections_week{kind} p JOIN catalog_{kind} m ON m.id = p.{kind}_id WHERE p.week_id = %s ORDER BY 1"""
MOVIES, ALBUMS = PICK.format(kind="movie", id="tmdb_id"), PICK.format(kind="album", id="musicbrainz_id")
WORK = ["id", "external_id", "title", "own_title", "release_date", "cached_at"]


def rows(sql, *values):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def user_of(request):
    raw = request.headers["Authorization"].split()[1]
    claims = jwt.decode(raw, SECRET_KEY, algorithms=["HS256"])
    return rows("SELECT id, username, email, is_active FROM accounts_user WHERE id = %s", claims["sub"])[0]


def answer(body):
    return HttpResponse(json.dumps(body, default=str), content_type="application/json")


def as_week(row):
    week = dict(zip(NAMES, row, strict=True))
    return week | {"owner": {"id": week["user_id"], "username": week.pop("username")}}


def picks(sql, week, kind):
    return [
        {"position": position, "added_at": added_at, "rewatch": rewatch, kind: dict(zip(WORK, work, strict=True))}
        for position, added_at, rewatch, *work in rows(sql, week)
    ]


def health(request):
    return answer({"status": "healthy", "version": rows("SELECT '1'")[0][0]})


def me(request):
    return answer(dict(zip(["id", "username", "email", "is_active"], user_of(request), strict=True)))


def weeks(request):
    user_of(request)
    total = rows("SELECT count(*) FROM selections_week")[0][0]
    found = rows(f"{WEEK} ORDER BY w.year DESC, w.week_number DESC LIMIT 20")
    return answer({"total": total, "page": 1, "page_size": 20, "links": {}, "results": [as_week(row) for row in found]})


def week(request, pk):
    user_of(request)
    found = as_week(rows(f"{WEEK} WHERE w.id = %s", pk)[0])
    return answer(found | {"movies": picks(MOVIES, pk, "movie"), "albums": picks(ALBUMS, pk, "album")})


urlpatterns = [
    path("health", health),
    path("api/auth/me", me),
    path("api/weeks", weeks),
    path("api/weeks/<int:pk>", week),
]


def application(environ, start_response):
    return handler()(environ, start_response)


@functools.cache
def handler():
    import django
    from django.core.handlers.wsgi import WSGIHandler

    django.setup()
    return WSGIHandler()
