"""PostgreSQL finds the rows of each list by an index, even in large tables."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Album, Movie
from tests.factories import AlbumFactory, MovieFactory, UserFactory

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="about PostgreSQL")
LARGE = {"selections_week", "selections_weekmovie", "selections_weekalbum", "selections_opinion"}

# 100 users with 200 weeks each, and in each week two movies, two albums and an opinion on one of them.
CROWD = """
SET LOCAL random_page_cost = 1.1;  -- as for SSDs: at this size, it would read whole tables of a disk

INSERT INTO selections_week (user_id, year, week_number, notes, search_text, created_at, updated_at)
SELECT id, 2020 + n / 50, 1 + n % 50, 'note ' || id, 'note ' || id, now(), now()
FROM accounts_user, generate_series(1, 200) AS n;

INSERT INTO catalog_movie SELECT (jsonb_populate_record(NULL::catalog_movie, to_jsonb(one) || jsonb_build_object(
    'id', one.id + n, 'tmdb_id', one.tmdb_id + n, 'title_key', 'movie ' || n, 'search_text', 'movie ' || n))).*
FROM (SELECT * FROM catalog_movie LIMIT 1) AS one, generate_series(1, 4000) AS n;

INSERT INTO catalog_album SELECT (jsonb_populate_record(NULL::catalog_album, to_jsonb(one) || jsonb_build_object(
    'id', one.id + n, 'musicbrainz_id', gen_random_uuid(), 'release_group_id', gen_random_uuid(),
    'title_key', 'album ' || n, 'search_text', 'album ' || n))).*
FROM (SELECT * FROM catalog_album LIMIT 1) AS one, generate_series(1, 4000) AS n;

-- Otherwise foreign keys are checked, and rows joined, as in tables that are as small as other tests had them.
ANALYZE accounts_user, selections_week, catalog_movie, catalog_album;

INSERT INTO selections_weekmovie (week_id, movie_id, position, added_at)
SELECT week.id, (SELECT min(id) FROM catalog_movie) + (week.id * 7 + n * 333) % 4000, n, now()
FROM selections_week AS week, generate_series(1, 2) AS n;

INSERT INTO selections_weekalbum (week_id, album_id, position, added_at)
SELECT week.id, (SELECT min(id) FROM catalog_album) + (week.id * 7 + n * 333) % 4000, n, now()
FROM selections_week AS week, generate_series(1, 2) AS n;

ANALYZE selections_weekmovie, selections_weekalbum;

INSERT INTO selections_opinion
    (user_id, week_id, movie_pick_id, album_pick_id, rating, review, contains_spoilers, created_at, updated_at)
SELECT week.user_id, week.id, movie.id, album.id, 7, '', false, now() - week.id * interval '1 hour', now()
FROM selections_week AS week
LEFT JOIN selections_weekmovie AS movie ON movie.week_id = week.id AND movie.position = 1 AND week.id % 2 = 0
LEFT JOIN selections_weekalbum AS album ON album.week_id = week.id AND album.position = 1 AND week.id % 2 = 1;

ANALYZE;
"""


@pytest.fixture
def crowd(user):
    MovieFactory()
    AlbumFactory()
    UserFactory.create_batch(100)
    with connection.cursor() as cursor:
        cursor.execute(CROWD)


def scanned(sql):
    """The large tables that a query must read from beginning to end, as no index finds its rows.

    Which plan is the cheapest for so few rows depends on the sample that ANALYZE takes, so scans are made expensive.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        [[[explained]]] = cursor.fetchall()
        cursor.execute("SET LOCAL enable_seqscan = on")
    plans, tables = [explained["Plan"]], set()
    while plans:
        plan = plans.pop()
        plans += plan.get("Plans", [])
        if plan["Node Type"] == "Seq Scan":
            tables.add(plan["Relation Name"])
    return tables & LARGE


PATHS = [
    "weeks",
    "weeks?page=100",
    "weeks?owner=me",
    "weeks?include=picks",
    "weeks?search=777",
    "weeks/{week.pk}",
    "weeks/{week.name}",
    "weeks/current",
    "rounds/2023-W20",
    "weeks/{week.pk}/opinions",
    "opinions",
    "opinions?user=me",
    "movies/selections",
    "albums/selections",
    "movies/{movie.tmdb_id}/selections",
    "albums/{album.musicbrainz_id}/selections",
]


def test_no_page_needs_a_scan_of_a_large_table(api, user, crowd):
    week, movie, album = user.weeks.all()[20], Movie.objects.all()[500], Album.objects.all()[500]
    scans = {}

    for path in PATHS:
        address = f"/api/{path.format(week=week, movie=movie, album=album)}"
        with CaptureQueriesContext(connection) as queries:
            assert api.get(address).status_code == 200
        for query in queries:
            # Counting all that there is has to read it.
            if query["sql"].startswith("SELECT") and "COUNT(*)" not in query["sql"]:
                scans[address, query["sql"]] = scanned(query["sql"])

    assert {asked: tables for asked, tables in scans.items() if tables} == {}
