"""Examples for the OpenAPI document, made of values by the names of fields and parameters: a week of two friends."""

from typing import Any

ANSWERS = {
    "TokenPair",
    "MoviePage",
    "PaginatedWeekList",
    "WeekFull",
    "Overview",
    "Comparison",
}  # that people read first
PASSWORD = "a long phrase of your own"  # noqa: S105 - an example
TITLE = "The Lord of the Rings: The Fellowship of the Ring"
RELEASE = "d5cdb7fd-c7e9-460a-9549-8a369655cc52"
POSTER = "/6oom5QYQ2yQTMJIbnvbkBL9cHo6.jpg"

# `Schema.field`, or a parameter after its operation's first tag, where a name means something else there.
VALUES: dict[str, Any] = {
    "AcceptChallengeRequest.week": 7,
    "access_token": "eyJhbGciOi…",
    "albums query": "you want it darker",
    "albums url": f"https://musicbrainz.org/release/{RELEASE}",
    "artist": "Leonard Cohen",
    "ArtistCount.name": "Leonard Cohen",
    "artists musicbrainz_id": "65314b12-0e08-43fa-ba33-baaa7b874c15",
    "contains_spoilers": False,
    "complete_weeks": 6,
    "countries": [{"name": "US", "count": 5}, {"name": "GB", "count": 2}],
    "cover_art_url": f"https://coverartarchive.org/release/{RELEASE}/front-500",
    "current_password": PASSWORD,
    "DecadeCount.name": "2000s",
    "Difference.album": None,
    "display_name": "Ada L.",
    "email": "ada@example.org",
    "ends_on": "2026-02-15",
    "expires_at": "2027-01-01T00:00:00Z",
    "expires_in": 1800,
    "first_year": 2000,
    "for": "ben",
    "histogram": [0, 0, 0, 1, 0, 1, 2, 2, 2, 0],
    "hours_watched": 16.4,
    "id": 7,
    "invitation": None,
    "languages": [{"name": "en", "count": 7}, {"name": "fr", "count": 1}],
    "mean": 7.25,
    "movies query": "fellowship",
    "movies url": "https://www.themoviedb.org/movie/120",
    "musicbrainz_id": RELEASE,
    "n": 6,
    "name": "2026-W07",
    "NameCount.name": "Folk",
    "CreateApiTokenRequest.name": "Widget on my phone",
    "new_password": "another phrase of your own",
    "next": None,
    "note": "In the cinema again",
    "Agreement.note": "Closer than chance, by 6 works that both rated",
    "notes": "One of us fell asleep.",
    "original_title": TITLE,
    "overview": "A hobbit leaves home.",
    "overview_language": "en-US",
    "Owner.id": 1,
    "page_size": 20,
    "password": PASSWORD,
    "people tmdb_id": 109,
    "PersonCount.name": "Peter Jackson",
    "PickedAlbum.release_date": "2016-10-21",
    "PickedAlbum.title": "You Want It Darker",
    "poster_path": POSTER,
    "poster_url": f"https://image.tmdb.org/t/p/w342{POSTER}",
    "previous": None,
    "ProposalRequest.musicbrainz_id": None,
    "ProposeChallengeRequest.tmdb_id": None,
    "rating": 9,
    "refresh_token": "eyJhbGciOi…",
    "release_date": "2001-12-18",
    "release_date_precision": "day",
    "review": "Three hours of walking, and I would walk them again.",
    "starts_on": "2026-02-09",
    "time_zone": "Europe/Berlin",
    "title": TITLE,
    "tmdb_id": 120,
    "token": "wo_Q3xZr…",
    "uid": "MQ",
    "username": "ada",
    "vote_average": 8.4,
    "week_number": 7,
    "weeks": 7,
    "with": "ben",
    "year": 2026,
}
OTHERS = {"integer": 1, "number": 0.75, "boolean": True, "string": "…", "date-time": "2026-02-11T19:30:00Z"}  # by type


def add_examples(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Give requests, some answers and required parameters their examples."""
    schemas = result["components"]["schemas"]
    for operation in (operation for operations in result["paths"].values() for operation in operations.values()):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in (content for body in bodies for content in body.get("content", {}).values()):
            name = name_of(content.get("schema", {}))
            if name in ANSWERS or (name.endswith("Request") and name != "ArchiveRequest"):  # that is an exported file
                content["example"] = example_of(content["schema"], name, schemas)
        for parameter in operation.get("parameters", []):
            name = parameter["name"]
            if parameter.get("required"):
                parameter["example"] = VALUES.get(f"{operation['tags'][0]} {name}", VALUES.get(name, 1))
    return result


def name_of(schema: dict[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def example_of(schema: dict[str, Any], field: str, schemas: dict[str, Any]) -> Any:
    """An example of a schema, which is that of `field`, as in VALUES, and may refer to others in `schemas`."""
    for known in (field, field.rpartition(".")[2]):
        if known in VALUES:
            return VALUES[known]
    for choices in (schema.get(union) for union in ("allOf", "oneOf", "anyOf")):
        if choices:
            return example_of(choices[0], field, schemas)
    if name := name_of(schema):
        return example_of(schemas[name], name, schemas)
    if "properties" in schema:
        return {name: example_of(value, f"{field}.{name}", schemas) for name, value in schema["properties"].items()}
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    if kind == "array":
        return [example_of(schema["items"], field, schemas)]
    return OTHERS.get(schema.get("format", ""), OTHERS[kind])
