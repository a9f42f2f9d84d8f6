"""The languages of titles, overviews and taglines: a list of them, and then the original."""

import pytest

from integrations import tmdb
from tests import payloads

MOVIE = f"{payloads.TMDB}/movie/129"
GERMAN = ("de", "DE", {"title": "Chihiros Reise", "overview": "Ein Mädchen.", "tagline": "Ein Bad."})
AUSTRIAN = ("de", "AT", {"title": "Chihiros Reise (AT)", "overview": "Ein Mäderl.", "tagline": ""})
ENGLISH = ("en", "US", {"title": "Spirited Away", "overview": "A girl.", "tagline": ""})
JAPANESE = ("ja", "JP", {"title": "", "overview": "少女。", "tagline": "トンネル。"})
BLANK = ("de", "DE", {"title": "", "overview": "", "tagline": ""})


@pytest.fixture
def fetch(settings, upstream):
    """Fetches a Japanese movie with these translations, in these languages."""

    def fetch(languages, *translations, **changes):
        settings.TMDB_LANGUAGES = languages.split(",")
        entries = [{"iso_639_1": code, "iso_3166_1": country, "data": data} for code, country, data in translations]
        untranslated = {"title": "千と千尋", "original_title": "千と千尋", "overview": "", "tagline": ""}
        untranslated |= {"id": 129, "original_language": "ja", "translations": {"translations": entries}}
        upstream.get(MOVIE, json=payloads.movie(**untranslated | changes))
        movie = tmdb.fetch_movie(129)
        return movie.title, movie.overview, movie.overview_language, movie.tagline

    return fetch


def test_tmdb_is_asked_for_the_first(fetch, upstream):
    own = {"title": "Chihiros Reise", "overview": "Ein Mädchen.", "tagline": "Ein Bad."}

    found = fetch("de-DE,en-US", GERMAN, ENGLISH, JAPANESE, **own)

    assert found == ("Chihiros Reise", "Ein Mädchen.", "de-DE", "Ein Bad.")
    assert upstream.calls[0].request.params["language"] == "de-DE"


@pytest.mark.parametrize("german", [[], [BLANK]])
def test_each_text_is_in_the_first_language_that_has_it(fetch, german):
    found = fetch("de-DE,en-US", JAPANESE, ENGLISH, *german)

    assert found == ("Spirited Away", "A girl.", "en-US", "トンネル。")


@pytest.mark.parametrize("languages", ["de-DE", "en-US", "de-DE,fr-FR"])
def test_the_last_is_the_original(fetch, languages):
    assert fetch(languages, BLANK, AUSTRIAN, JAPANESE) == ("千と千尋", "少女。", "ja-JP", "トンネル。")


def test_the_original_language_may_be_in_the_list(fetch):
    assert fetch("de-DE,ja-JP,en-US", ENGLISH, JAPANESE)[:3] == ("千と千尋", "少女。", "ja-JP")


@pytest.mark.parametrize(("languages", "overview"), [("fr-FR,de", "Ein Mäderl."), ("fr-FR,de-DE", "少女。")])
def test_a_language_without_a_country_is_that_of_any_country(fetch, languages, overview):
    assert fetch(languages, AUSTRIAN, JAPANESE)[1] == overview


def test_a_title_of_its_own_is_kept(fetch):
    assert fetch("de-DE,en-US", ENGLISH, title="Die Reise")[0] == "Die Reise"


@pytest.mark.parametrize(
    "translations",
    [
        None,
        [],
        {"translations": None},
        {"translations": [None, {}, {"iso_639_1": "en"}]},  # as in 2013
        {"translations": [{"iso_639_1": 1, "iso_3166_1": "US", "data": {"overview": "A girl."}}]},
        {"translations": [{"iso_639_1": "en", "iso_3166_1": "US", "data": {"overview": None, "title": ["x"]}}]},
    ],
)
def test_without_translations_it_is_what_the_details_say(fetch, translations):
    assert fetch("de-DE,en-US", translations=translations) == ("千と千尋", "", "", "")
