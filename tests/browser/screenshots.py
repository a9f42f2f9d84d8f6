"""Takes the screenshots of the documentation: uv run python -m tests.browser.screenshots [folder]

They show an instance with sample data, in a temporary folder, with drawn posters and covers: no image has an owner.
"""

import argparse
import json
import logging
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import ViewportSize as Size
from pytest_httpserver import HTTPServer

from tests import payloads

from . import chromium, stand_ins

ROOT = Path(__file__).resolve().parents[2]
SAMPLES: dict[str, list[dict[str, Any]]] = json.loads(
    (ROOT / "selections/transfer/sample_data.json").read_text("utf-8")
)
TITLES = {f"{movie['tmdb_id']}.jpg": movie["title"] for movie in SAMPLES["movies"]}
TITLES |= {album["musicbrainz_id"]: album["title"] for album in SAMPLES["albums"]}
PASSWORD = secrets.token_urlsafe(12)
START = 30  # seconds
# Waits for all images, also for those outside of the window.
LOADED = """() => Promise.all([...document.images].map((image) => {
  image.loading = "eager";
  return image.decode().catch(() => null);
}))"""
PHONE: Size = {"width": 375, "height": 980}


def release_of(album: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """MusicBrainz' answer for a sample album."""
    artists = [payloads.credit(artist["name"], artist["join_phrase"]) for artist in album["artist_credit"]]
    group = {"id": album["release_group_id"], "title": album["title"], "primary-type": album["primary_type"]}
    row = {"id": album["musicbrainz_id"], "title": album["title"], "artist-credit": artists, "release-group": group}
    row |= {"date": album["release_date"], "country": album["country"], "status": album["status"]}
    return payloads.release(**row | changes)


def releases() -> Iterator[dict[str, Any]]:
    """The sample albums, and editions and albums that are not in the catalog."""
    darker = next(album for album in SAMPLES["albums"] if album["musicbrainz_id"] == payloads.RELEASE)
    yield from map(release_of, SAMPLES["albums"])
    yield release_of(darker, id="11111111-1111-4111-8111-111111111111", country="DE", date="2016-10-21")
    for number, (title, year) in enumerate([("Songs for the Darker Months", "1998"), ("Darker Than You Want", "2021")]):
        group = {"id": f"22222222-2222-4222-8222-{number:012}", "title": title, "primary-type": "Album"}
        new = {"id": f"33333333-3333-4333-8333-{number:012}", "title": title, "date": year, "release-group": group}
        TITLES[str(new["id"])] = title
        yield release_of(darker, **new | {"artist-credit": [payloads.credit("Wrong Opinions")]})


@contextmanager
def instance(folder: Path, upstreams: str) -> Iterator[str]:
    """The address of a running instance with sample data."""
    os.environ |= {
        "ENV_FILE": os.devnull,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "DATABASE_URL": f"sqlite:///{folder / 'samples.db'}",
        "CACHE_DIR": str(folder / "cache"),
        "TMDB_API_KEY": "a-key",
        "TMDB_BASE_URL": f"{upstreams}/3",
        "MUSICBRAINZ_BASE_URL": f"{upstreams}/ws/2",
        "MUSICBRAINZ_USER_AGENT": "WrongOpinions/1.0.0 ( you@example.org )",
        "COVERART_BASE_URL": f"{upstreams}/caa",
        "DJANGO_SETTINGS_MODULE": "wrong_opinions.settings",
    }
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    manage = [sys.executable, str(ROOT / "manage.py"), "quickstart", "--port", str(port)]
    subprocess.run([*manage, "--no-serve"], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    add_details()
    with subprocess.Popen(manage, cwd=ROOT, stdout=subprocess.DEVNULL) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def wait_for(url: str) -> None:
    """Raises TimeoutError."""
    end = time.monotonic() + START
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(url)


def add_details() -> None:
    """Add what a catalog has after a year of use: posters, covers, and imported rows to decide."""
    import django

    django.setup()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # which logs every request to the upstreams
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from catalog.models import Album, Movie
    from integrations import coverart
    from selections.models import ImportedRow, Week, WeekAlbum, WeekMovie
    from selections.weeks import this_week

    now = timezone.now()
    for movie in Movie.objects.exclude(tmdb_id=77):  # one without a poster
        movie.poster_path, movie.fetched_at = f"/{movie.tmdb_id}.jpg", now
        movie.save()
    for number, album in enumerate(Album.objects.order_by("pk")):
        has_cover = number % 9 != 8
        album.cover_art_url = coverart.front_url("release", album.musicbrainz_id) if has_cover else ""
        album.cover_known, album.fetched_at = True, now
        album.save()
    users = get_user_model().objects
    for name, picked in {"cleo": (129, 496243), "dan": (346,)}.items():
        person = users.create_user(name, f"{name}@example.org")
        year, week_number = this_week(person)
        week = Week.objects.create(user=person, year=year, week_number=week_number)
        for position, tmdb_id in enumerate(picked, 1):
            WeekMovie.objects.create(week=week, movie=Movie.objects.get(tmdb_id=tmdb_id), position=position)
        album = Album.objects.filter(artist="Bob Dylan").order_by("title")[len(picked) - 1]
        WeekAlbum.objects.create(week=week, album=album, position=1)
    admin = users.get(username="admin")
    admin.set_password(PASSWORD)
    admin.save()
    ada = users.get(username="ada")
    for number, (title, ids) in enumerate(
        [("The Matrix", (603, 604)), ("Alien", (348, 8077)), ("Labyrinth", (13597,))]
    ):
        movies = [Movie.objects.get(tmdb_id=tmdb_id) for tmdb_id in ids]
        candidates = [
            {
                "id": str(movie.tmdb_id),
                "title": movie.title,
                "artist": "",
                "released": str(movie.release_date),
                "score": 88 - 17 * place,
                "group": "",
                "picture": movie.poster_path,
            }
            for place, movie in enumerate(movies)
        ]
        said = {"place": f"diary.csv, line {41 + number}", "kind": "movie", "title": title, "rating": 8}
        said |= {"week": [2019, 14 + number], "day": f"2019-04-0{5 + number}", "review": "Watched it twice in a row."}
        reason = "Two movies fit about as well" if len(ids) > 1 else "No year is given, so this may be another one"
        ImportedRow.objects.create(
            user=ada,
            fingerprint=f"{number}",
            kind="movie",
            state="review",
            reason=reason,
            said=said,
            candidates=candidates,
        )


def wide(height: int) -> Size:
    return {"width": 1280, "height": height}


def shoot(browser: Browser, site: str, folder: Path) -> None:
    context = browser.new_context(base_url=site, viewport=wide(800), locale="en-GB", timezone_id="UTC")
    page = chromium.new_page(context, TITLES, print)
    page.goto("/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()

    def picture(name: str, size: Size, *, dark: bool = False) -> None:
        """Take a screenshot of the top of the page, once it is loaded."""
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.set_viewport_size(size)
        page.wait_for_load_state()
        page.evaluate("document.activeElement?.blur()")
        page.evaluate("scrollTo(0, 0)")
        page.evaluate(LOADED)
        page.screenshot(path=folder / f"{name}.png", animations="disabled")

    page.goto("/admin/catalog/movie/search/?q=alien")  # so that the dashboard shows that TMDB was asked, too
    page.goto("/admin/catalog/album/search/?q=darker")
    picture("search", wide(780))
    page.goto("/admin/")
    picture("dashboard", wide(1600))
    picture("dashboard-dark", wide(1600), dark=True)
    picture("dashboard-phone", PHONE)
    page.goto("/admin/selections/week/?state=complete")
    page.locator("#result_list tbody th a").nth(4).click()  # of last week, where all picks have opinions
    picture("week", wide(1260))
    page.get_by_role("link", name="Year", exact=True).click()
    picture("year", wide(620))
    page.goto("/admin/selections/importedrow/")
    page.get_by_role("link", name="The Matrix").click()
    picture("queue", wide(1120))
    context.close()


def main(report: Callable[[str], object]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs/screenshots", help="where to put them")
    folder: Path = parser.parse_args().folder
    if not chromium.EXECUTABLE:
        parser.error(chromium.MISSING)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as own, HTTPServer(host="127.0.0.1") as upstreams:
        movies = [payloads.movie(id=row["tmdb_id"], title=row["title"]) for row in SAMPLES["movies"]]
        served = stand_ins.serve(upstreams, movies=movies, releases=releases())
        with instance(Path(own), served) as site, sync_playwright() as playwright:
            shoot(chromium.launch(playwright), site, folder)
    for path in sorted(folder.glob("*.png")):
        report(f"{path.name}: {path.stat().st_size // 1024} KB\n")


if __name__ == "__main__":
    main(sys.stdout.write)
