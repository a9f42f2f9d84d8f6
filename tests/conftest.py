import contextlib
import itertools
import os
import re
import runpy
import threading
import time
from contextvars import copy_context
from datetime import UTC, datetime

import hypothesis
import pytest
import responses
from django.conf import settings
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core import mail
from django.core.management.commands import flush
from django.db import connection
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts.api.authentication import sign_in
from accounts.models import Session
from catalog.models import Album, Movie
from integrations import cache, coverart, deadline, musicbrainz, tmdb
from selections.insights import likes
from selections.models import Week
from tests import payloads
from tests.commands import ROOT, environment_of
from tests.endpoints import address_of, documented_codes
from tests.factories import UserFactory

UPSTREAMS = (tmdb.upstream, musicbrainz.upstream, coverart.upstream)
AGES = 60  # seconds: more than anything takes on a busy machine
numbers = itertools.count()

# The same examples each time; values that databases treat differently, such as NUL characters and large numbers, are
# among the first of them. Generate more of them after large changes: uv run pytest --hypothesis-profile=thorough
hypothesis.settings.register_profile(
    "quick",
    max_examples=4 if connection.vendor == "sqlite" else 2,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)
hypothesis.settings.register_profile("thorough", hypothesis.settings.get_profile("quick"), max_examples=200)
hypothesis.settings.load_profile("quick")

# These tests do not depend on the database, count queries, start processes with SQLite, or repeat what others test:
# running them on PostgreSQL would show nothing new. It opens each page of the admin in test_every_page.py, and its
# filters in test_admin.py.
SQLITE_ONLY = (
    "tests/accounts/test_hashers.py",
    "tests/accounts/test_security_log.py",
    "tests/admin/test_blind.py",
    "tests/admin/test_curators.py",
    "tests/admin/test_dashboard.py::test_a_part_is_there",
    "tests/admin/test_dashboard.py::test_charts_say",
    "tests/admin/test_dashboard.py::test_each_item",
    "tests/admin/test_dashboard.py::test_items_are_shown",
    "tests/admin/test_dashboard.py::test_the_page_costs",
    "tests/admin/test_every_page.py::test_staff_without_permissions_can_only_sign_out",
    "tests/admin/test_exporting.py",
    "tests/admin/test_odd_addresses.py",
    "tests/admin/test_people.py::test_query_counts_do_not_grow",
    "tests/admin/test_works.py",
    "tests/admin/test_years.py",
    "tests/browser/",
    "tests/catalog/test_api.py::test_upstream_failures",
    "tests/instance/test_copy_database.py::test_a_target_in_which_no_tables_can_be_made",
    "tests/instance/test_doctor.py",
    "tests/instance/test_quickstart.py",
    "tests/integrations/test_cache.py",
    "tests/integrations/test_circuit_breaker.py",
    "tests/integrations/test_coalescing.py",
    "tests/integrations/test_fidelity.py",
    "tests/integrations/test_http.py",
    "tests/integrations/test_languages.py",
    "tests/integrations/test_musicbrainz.py",
    "tests/integrations/test_tmdb.py",
    "tests/integrations/test_values.py",
    "tests/selections/insights/test_card.py::test_odd_titles_and_names_fit",
    "tests/selections/insights/test_charts.py",
    "tests/selections/insights/test_comparison.py::test_queries_do_not_grow_with_the_data",
    "tests/selections/insights/test_recommendations_from_tmdb.py",
    "tests/selections/insights/test_recommendations.py::test_liked_movies_are_found",
    "tests/selections/insights/test_recommendations.py::test_queries_do_not_grow_with_the_data",
    "tests/selections/insights/test_statistics_access.py::test_queries_do_not_grow_with_the_data",
    "tests/selections/test_calendar.py",
    "tests/selections/test_iso_weeks.py",
    "tests/selections/test_notifications.py::test_it_comes_once_on_sunday_evening_where_the_member_lives",
    "tests/selections/test_reads.py::test_serializers_say_what_their_fields_say",
    "tests/selections/test_sqlite.py",
    "tests/selections/transfer/readers/",
    "tests/selections/transfer/test_export.py::test_queries_are_counted_by_the_year_not_by_the_week",
    "tests/selections/transfer/test_import_page.py",
    "tests/selections/transfer/test_matching.py",
    "tests/selections/transfer/test_original.py",
    "tests/selections/transfer/test_samples.py",
    "tests/test_access.py::test_who_may",
    "tests/test_api_rules.py",
    "tests/test_databases.py::test_commands_report_",
    "tests/test_databases.py::test_only_migrate_creates_a_database",
    "tests/test_deployment.py",
    "tests/test_docs.py",
    "tests/test_faults.py",
    "tests/test_frontend.py",
    "tests/test_headers.py",
    "tests/test_imports.py",
    "tests/test_openapi.py",
    "tests/test_pages.py",
    "tests/test_request_log.py",
    "tests/test_schemathesis.py::test_requests_are_taken_and_refused_as_the_document_says",
    "tests/test_secrets.py::test_an_opinion_is_shown_once_it_is_revealed",
    "tests/test_server.py",
    "tests/test_settings.py",
    "tests/typescript/",
)


if connection.vendor != "sqlite":
    collect_ignore = [path.removeprefix("tests/") for path in SQLITE_ONLY if "::" not in path]


def pytest_collection_modifyitems(config, items):
    if connection.vendor != "sqlite":
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid.startswith(SQLITE_ONLY)])
        items[:] = [item for item in items if not item.nodeid.startswith(SQLITE_ONLY)]


@pytest.fixture(scope="session", autouse=True)
def surroundings(tmp_path_factory):
    """What all tests of a process share: a folder, and how long things take."""
    with pytest.MonkeyPatch.context() as patch:
        # Upstreams may take as long as they need on a busy machine. Tests of timeouts set limits of their own.
        for name in ("deadline.ANSWER_TIME", "transport.MAX_ANSWER_TIME", "deadline.CROWDED_WAIT", "coverart.DEADLINE"):
            patch.setattr(f"integrations.{name}", AGES)
        patch.setattr("integrations.http.TIMEOUT", (AGES, AGES))
        for name in ("fetching.REFRESH_WAIT", "services.EXTRA_WAIT"):
            patch.setattr(f"catalog.{name}", AGES)

        # After each test with transactions, tables are emptied. Content types and permissions stay: to make them again
        # takes 0.1 s. PostgreSQL takes 0.1 s to truncate all tables, as each gets new files: rows are deleted there.
        patch.setattr(flush, "sql_flush", emptied_tables)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *arguments: None)
        yield tmp_path_factory.mktemp("upstreams")


def emptied_tables(style, connection, **options):
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    made_by_migrate = {ContentType._meta.db_table, Permission._meta.db_table}
    tables = [table for table in tables if table not in made_by_migrate]
    if connection.vendor == "postgresql":  # in one transaction, at whose end foreign keys are checked
        return ["; ".join(f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables)]
    return connection.ops.sql_flush(style, tables, **options)


@pytest.fixture(autouse=True)
def upstream(request, surroundings):
    """The upstreams, in place of the network: a request that is not registered fails the test, and so does a registered
    response that is not requested.

    No test finds what another has left in caches, folders and the outbox.
    """
    likes.keep.cache_clear()  # kept by the number, ids and time of opinions, which are the same again after a rollback
    settings.CACHE_DIR = surroundings / f"{next(numbers)}"  # threads may outlive a test, and write into its folder
    with contextlib.ExitStack() as stack:
        if not request.node.get_closest_marker("patient"):
            stack.enter_context(deadline.at_most(AGES))  # as in a web request, however busy the machine
        mock = None
        if not request.node.get_closest_marker("real_http"):
            mock = stack.enter_context(responses.RequestsMock())
        yield mock
    forget_sessions()
    delivered().clear()


class Clock:
    """A monotonic clock, which stands still until it is shifted."""

    now = 1000.0

    def __call__(self):
        return self.now

    def shift(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    """The clock of circuit breakers and rate limits, which time-machine leaves alone."""
    clock = Clock()
    monkeypatch.setattr("integrations.admission.monotonic", clock)
    return clock


def wait_until(is_so) -> None:
    """Wait for other threads, however long a busy machine takes."""
    end = time.monotonic() + AGES
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.005)


@contextlib.contextmanager
def right_after_query(table, act):
    """Call act() once, after the first query of rows of this table."""
    waiting = [act]

    def execute_and_act(execute, sql, *arguments):
        result = execute(sql, *arguments)
        if sql.startswith(f'SELECT "{table}"') and waiting:
            waiting.pop()()
        return result

    with connection.execute_wrapper(execute_and_act):
        yield


def land() -> None:
    """Wait for the running requests to upstreams, which may outlive their callers."""
    wait_until(lambda: not any(upstream.running for upstream in UPSTREAMS))


def delivered() -> list:
    """The mail that was sent, once its threads have delivered it."""
    for thread in threading.enumerate():
        if thread.name == "mail":
            thread.join()
    return mail.outbox


def forget_sessions():
    """Close the cache and all connections to upstreams, as at the end of a process."""
    cache.close()
    for upstream in UPSTREAMS:
        upstream.session.close()
        upstream.state.memory = {}


@pytest.fixture
def search_index_agrees(db):
    """Check at the end that the indexes that searches use agree with the rows, as those of PostgreSQL always do."""
    yield
    if connection.vendor == "sqlite":
        for model in (Movie, Album, Week):
            table = model._meta.db_table
            with connection.cursor() as cursor:
                cursor.execute(f"INSERT INTO {table}_search ({table}_search) VALUES ('integrity-check')")
                cursor.execute(f"SELECT doc, offset, term FROM {table}_search_terms")
                indexed = cursor.fetchall()
            texts = [(pk, f"{text} ") for pk, text in model.objects.values_list("pk", "search_text")]
            terms = [(pk, n, text[n : n + 3]) for pk, text in texts for n in range(len(text) - 2)]
            assert sorted(indexed) == sorted(terms)


@pytest.fixture
def user(db):
    return UserFactory(username="ada")


@pytest.fixture
def other(db):
    return UserFactory(username="ben")


@pytest.fixture
def api(user):
    """A client that is signed in as `user`."""
    return client_of(user)


@pytest.fixture
def anonymous(db):
    return APIClient(raise_request_exception=False)


class SignedInClient(APIClient):
    """Makes an access token for each request, so that tests may move the clock between two of them."""

    def __init__(self, person) -> None:
        super().__init__(raise_request_exception=False)
        self.signed_in = session_of(person)

    def request(self, **kwargs):
        self.credentials(HTTP_AUTHORIZATION=f"Bearer {token_of(self.signed_in)}")
        return super().request(**kwargs)


def session_of(person) -> Session:
    """A session that the person has just signed in to."""
    sign_in(person, "a test")
    return Session.objects.filter(user=person).latest("pk")


def token_of(session, **claims) -> AccessToken:
    token = AccessToken()
    token.payload |= {"sub": str(session.user_id), "sid": session.pk} | claims
    return token


def access_token(person) -> str:
    return str(sign_in(person, "a test")["access_token"])


def refresh_token(person) -> str:
    return str(sign_in(person, "a test")["refresh_token"])


def client_of(person) -> APIClient:
    return SignedInClient(person)


@pytest.fixture
def tmdb_movie(upstream):
    """Lets TMDB know one movie."""

    def register(**changes):
        body = payloads.movie(**changes)
        return upstream.get(f"{payloads.TMDB}/movie/{body['id']}", json=body)

    return register


@pytest.fixture
def musicbrainz_release(upstream):
    """Lets MusicBrainz know one release."""

    def register(asked_id=None, **changes):
        body = payloads.release(**changes)
        return upstream.get(f"{payloads.MUSICBRAINZ}/release/{asked_id or body['id']}", json=body)

    return register


@pytest.fixture
def musicbrainz_artist(upstream):
    """Lets MusicBrainz know one artist."""

    def register(asked_id=None, **changes):
        body = payloads.artist(**changes)
        return upstream.get(f"{payloads.MUSICBRAINZ}/artist/{asked_id or body['id']}", json=body)

    return register


@pytest.fixture
def now(time_machine):
    """A Wednesday at noon: 2026-W07."""
    moment = datetime(2026, 2, 11, 12, tzinfo=UTC)
    time_machine.move_to(moment, tick=False)
    return moment


def assert_problem(response, status, detail=None):
    """Check that a response is a problem as RFC 9457 and our contract describe it."""
    body = response.json()
    assert response.status_code == status, body
    assert response.headers["Content-Type"] == "application/problem+json"
    assert body["type"] == "about:blank"
    assert body["status"] == status
    assert isinstance(body["title"], str)
    assert isinstance(body["detail"], str)
    assert body["code"].replace("_", "").isalpha()
    assert body["code"].islower()
    assert ("errors" in body) == (status == 422)
    route = getattr(response.resolver_match, "route", "")
    operation = response.request["REQUEST_METHOD"], re.sub(r"{\w+}", "{}", address_of(route))
    assert status == 500 or (status, body["code"]) in documented_codes().get(operation, {(status, body["code"])})
    if detail is not None:
        assert body["detail"] == detail


def analyze():
    """Let PostgreSQL analyze the tables that a test has filled, as it does by itself within minutes: plans for the rows
    of earlier tests may take seconds."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


@contextlib.contextmanager
def just_before(statement, act):
    """Call `act()` once, just before the first SQL statement that begins so, as if another request were faster."""
    waiting = [act]

    def execute(execute, sql, params, many, context):
        if sql.startswith(statement) and waiting:
            waiting.pop()()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield
    assert not waiting


def at_once(count, act):
    """The sorted results of `act(number)` from as many threads, released together."""
    barrier, results = threading.Barrier(count), []

    def run(number):
        try:
            barrier.wait()
            results.append(act(number))
        finally:
            connection.close()

    threads = [threading.Thread(target=copy_context().run, args=[run, number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(results)


@pytest.fixture
def load(monkeypatch):
    """Gives the settings that an environment results in."""

    def load(**changes):
        for name in os.environ:
            monkeypatch.delenv(name)
        for name, value in environment_of(**changes).items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "wrong_opinions" / "settings.py"))

    return load
