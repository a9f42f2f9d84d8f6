import contextlib
import shutil
import sqlite3
import stat
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from integrations import cache, tmdb
from integrations.errors import NotFound
from tests import payloads
from tests.conftest import at_once


def fill(upstream, numbers, size=20_000):
    for number in numbers:
        upstream.get(
            f"{payloads.TMDB}/movie/{number}", json=payloads.movie(id=number, overview=f"{number:08}" * (size // 8))
        )
        tmdb.fetch_movie(number)


def kept(settings):
    with contextlib.closing(sqlite3.connect(settings.CACHE_DIR / "http_cache.sqlite")) as connection:
        return connection.execute("SELECT count(*) FROM responses").fetchone()[0]


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr(cache, "TRIM_EVERY", 10)


def test_it_keeps_itself_in_bounds(upstream, settings, often):
    settings.CACHE_MAX_MB = 0.5

    fill(upstream, range(1, 52))

    assert 5 < kept(settings) < 30
    assert (settings.CACHE_DIR / "http_cache.sqlite").stat().st_size < 1_500_000
    assert tmdb.fetch_movie(51).tmdb_id == 51
    assert len(upstream.calls) == 51  # the oldest answers were dropped


def test_it_deletes_what_is_too_old_to_be_served(upstream, settings, often, time_machine):
    time_machine.move_to("2026-01-01T00:00:00Z", tick=False)
    fill(upstream, range(1, 4))
    time_machine.shift(timedelta(days=300))

    fill(upstream, range(4, 14))

    assert kept(settings) == 10


def test_in_memory_it_keeps_in_bounds_too(upstream, settings, often, tmp_path):
    (tmp_path / "file").touch()
    settings.CACHE_DIR, settings.CACHE_MAX_MB = tmp_path / "file", 0.5

    fill(upstream, range(1, 52))

    assert 5 < len(cache.keys("", "\U0010ffff")) < 30


def test_purge_cache_gives_space_back(upstream, settings, capsys):
    fill(upstream, range(1, 30))

    call_command("purge_cache")
    assert kept(settings) == 29
    assert capsys.readouterr().out.startswith("Deleted 0 answers")
    call_command("purge_cache", "--all")
    call_command("purge_cache")

    assert capsys.readouterr().out.startswith("Deleted 29 answers")
    assert kept(settings) == 0
    assert (settings.CACHE_DIR / "http_cache.sqlite").stat().st_size < 50_000
    assert stat.S_IMODE((settings.CACHE_DIR / "http_cache.sqlite").stat().st_mode) == 0o600


def test_a_process_goes_on_after_a_purge(upstream, settings):
    fill(upstream, [1])
    cache.purge(everything=True)

    assert tmdb.fetch_movie(1) == tmdb.fetch_movie(1)
    assert len(upstream.calls) == 2


@pytest.mark.parametrize(("verbosity", "lines"), [(0, 0), (1, 1), (2, 2)])
def test_purge_cache_says_as_much_as_asked_also_before_there_is_any(settings, capsys, verbosity, lines):
    call_command("purge_cache", verbosity=verbosity)

    said = capsys.readouterr().out.splitlines()
    assert len(said) == lines
    assert all(line.startswith("Deleted 0 answers") for line in said[:1])


def test_purge_cache_of_a_folder_that_cannot_be_used(settings, tmp_path):
    (tmp_path / "file").touch()
    settings.CACHE_DIR = tmp_path / "file"

    with pytest.raises(CommandError, match="Cannot open the cache"):
        call_command("purge_cache")


@pytest.fixture
def locked(upstream, settings):
    """Another process holds the file's write lock."""
    fill(upstream, [1])
    connection = sqlite3.connect(settings.CACHE_DIR / "http_cache.sqlite", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


def test_a_file_that_others_write_to_can_be_read(locked, upstream):
    assert tmdb.fetch_movie(1).tmdb_id == 1

    assert len(upstream.calls) == 1


def test_an_answer_that_cannot_be_kept_is_an_answer(locked, upstream, caplog):
    fill(upstream, [2])

    assert len(upstream.calls) == 2  # asked once for each
    assert "The HTTP cache cannot be used: database is locked" in caplog.text


def test_an_answer_that_cannot_be_deleted_is_not_fetched_twice(locked, upstream, time_machine):
    upstream.remove("GET", f"{payloads.TMDB}/movie/1")
    upstream.get(f"{payloads.TMDB}/movie/1", status=404, json=payloads.UNKNOWN)
    time_machine.move_to(timezone.now() + timedelta(days=2))

    with pytest.raises(NotFound):
        tmdb.fetch_movie(1)

    assert len(upstream.calls) == 2


def test_a_cache_whose_tables_cannot_be_created_is_in_memory(upstream, settings, monkeypatch):
    monkeypatch.setattr(cache, "OPEN_TIMEOUT", 100)
    file = cache.cache_file()
    file.parent.mkdir()
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        fill(upstream, [1])
        assert tmdb.fetch_movie(1).tmdb_id == 1

    assert len(upstream.calls) == 1


def test_a_folder_that_can_be_used_again_is_used(upstream, settings, monkeypatch):
    settings.CACHE_DIR.touch()
    fill(upstream, [1])
    settings.CACHE_DIR.unlink()
    fill(upstream, [2])
    assert not cache.cache_file().exists()

    monkeypatch.setattr(cache, "RETRY", 0)
    fill(upstream, [3])

    assert kept(settings) == 1


def test_after_its_folder_was_deleted_a_new_file_is_used_and_the_old_one_takes_no_space(upstream, settings):
    fill(upstream, [1])
    shutil.rmtree(settings.CACHE_DIR)
    settings.CACHE_DIR.mkdir()
    with contextlib.closing(sqlite3.connect(settings.CACHE_DIR / "http_cache.sqlite")) as other:  # another process
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("CREATE TABLE other (x)")
        log = (settings.CACHE_DIR / "http_cache.sqlite-wal").stat().st_ino

        fill(upstream, [2])

        open_files = [str(file.readlink()) for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
        assert not [file for file in open_files if "http_cache" in file and file.endswith("(deleted)")]
        assert other.execute("SELECT count(*) FROM responses").fetchone() == (1,)
        assert (settings.CACHE_DIR / "http_cache.sqlite-wal").stat().st_ino == log


def test_a_cache_that_another_process_is_creating_is_shared(upstream, settings):
    file = cache.cache_file()
    file.parent.mkdir()
    with contextlib.closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        ended = threading.Timer(0.2, lambda: other.execute("ROLLBACK"))
        ended.start()
        fill(upstream, [1])
        ended.join()

    assert kept(settings) == 1


def test_while_answers_are_written_and_purged_others_are_read(upstream, settings):
    fill(upstream, range(1, 6), size=200_000)

    def read(number):
        return [tmdb.fetch_movie(1 + number % 5).tmdb_id for _ in range(30)]

    purging = threading.Thread(target=lambda: [cache.purge() for _ in range(20)])
    purging.start()
    found = at_once(4, read)
    purging.join()

    assert found == [[number] * 30 for number in range(1, 5)]
    assert len(upstream.calls) == 5


def test_threads_that_read_and_store_the_same_at_once_lose_nothing(settings, caplog):
    now = timezone.now()

    def use(number):
        found = []
        for place in range(60):
            key = f"{number // 4}/{place}"
            cache.get(key)
            cache.store(key, cache.Answer({"place": place}, now, now + timedelta(days=1)))
            found.append(cache.get(key))
        return [answer and answer.body["place"] for answer in found]

    assert at_once(8, use) == [list(range(60))] * 8
    assert not caplog.records
