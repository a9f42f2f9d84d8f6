from integrations.checks import check_upstreams


def test_what_is_missing_is_a_warning_and_no_crash(settings):
    settings.TMDB_API_KEY = ""
    settings.MUSICBRAINZ_USER_AGENT = "WrongOpinions/1.0"

    assert [warning.id for warning in check_upstreams(None)] == ["integrations.W001", "integrations.W002"]


def test_a_complete_configuration_is_silent(settings):
    settings.TMDB_API_KEY = "key"
    settings.MUSICBRAINZ_USER_AGENT = "WrongOpinions/1.0 ( you@example.org )"

    assert check_upstreams(None) == []
