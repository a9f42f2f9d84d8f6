"""The problems with which the API answers, by status and `code`, for the OpenAPI document."""

from typing import Any

PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "code"],
    "examples": [
        {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "Not found", "code": "not_found"},
    ],
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One readable sentence."},
        "code": {"type": "string", "description": "Stable, in snake_case. Each operation lists its own."},
        "errors": {
            "type": "array",
            "description": "For invalid input: each error.",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
HEADERS = {
    "ETag": {
        "description": "Send it in `If-None-Match`: if nothing has changed, the answer is a 304 without a body. It is "
        "absent where `Cache-Control` is `no-store`.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'What is left of each limit that counted this request, such as `"login";r=9;t=60`: `r` more '
        "attempts, and in `t` seconds more than that (IETF draft-ietf-httpapi-ratelimit-headers). It is absent where "
        "the limit is switched off.",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": 'These limits, such as `"login";q=10;w=60`: `q` attempts in any `w` seconds.',
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "The seconds after which another attempt makes sense.",
        "schema": {"type": "integer"},
    },
    "WWW-Authenticate": {"description": "Always `Bearer`.", "schema": {"type": "string"}},
}
COMPONENTS: dict[str, dict[str, Any]] = {"schemas": {"Problem": PROBLEM}, "headers": HEADERS}
UPSTREAM_UNAVAILABLE = "TMDB or MusicBrainz is unavailable, or sent an unexpected answer"
CODES: dict[str, dict[str, str]] = {
    "400": {
        "bad_request": "The request cannot be read, or the host name is unknown",
        "invalid_json": "The body is not JSON",
        "too_nested": "The body has too many or too deeply nested lists and objects",
        "invalid_position": "The position in the address is not 1 or 2",
    },
    "401": {
        "not_authenticated": "There is no token",
        "token_expired": "The token has expired: exchange the refresh token for new ones, or sign in again",
        "invalid_credentials": "The token is invalid or revoked; or the username or the password is wrong",
    },
    "403": {
        "inactive_account": "The account has been deactivated",
        "read_only_token": "The API token may only read",
        "permission_denied": "This is another member's, or an API token is not enough",
        "not_owner": "Only the owner can change this",
        "not_challenged": "Another member was challenged",
        "private_member": "Private members cannot propose titles to others",
        "wrong_password": "`current_password` is wrong",
        "not_shared": "You do not both share this year with each other",
        "registration_closed": "Registration needs an invitation",
        "invitation_invalid": "The invitation is invalid or has expired",
        "reset_link_invalid": "The link for a new password is invalid or has expired",
    },
    "404": {
        "not_found": "There is no such thing that you can see",
        "week_not_found": "There is no such week that you can see",
        "user_not_found": "There is no such user that you can see",
        "item_not_found": "There is no such title on a shortlist that you can see",
        "challenge_not_found": "There is no such challenge that you can see",
        "nothing_to_draw": "There is no such title on your shortlist that you have not picked before",
        "no_pick": "Nothing is picked at this position",
        "no_opinion": "You have no opinion on this pick",
        "nothing_shared": "This picture is not shared, or no longer",
    },
    "409": {
        "username_taken": "The username is taken",
        "email_taken": "The email address is taken",
        "invitation_used": "The invitation has been used",
        "password_changed": "The password was changed by another request at the same time",
        "week_exists": "You already have this week",
        "too_many_weeks": "An account cannot have more weeks",
        "position_occupied": "The position is occupied",
        "already_picked": "The week already has this movie or album",
        "just_merged": "The movie or album was merged with another at the same time: try again",
        "already_on_shortlist": "The shortlist has this title, in any edition",
        "shortlist_full": "The shortlist has the maximum number of titles",
        "own_item": "You cannot vote for your own shortlist",
        "already_proposed": "The same challenge waits for an answer",
        "too_many_pending": "The member has too many challenges to answer",
        "challenge_answered": "The challenge has been accepted or declined",
        "pick_discussed": "Others have opinions on the pick; with `force=true` those are deleted, too",
        "week_discussed": "Others have opinions on the week's picks; deleting it with `force=true` deletes those, too",
        "revealed": "Your opinion has revealed others', and the week is not over; also with `force=true`",
    },
    "413": {"too_large": "The body is too large"},
    "422": {"invalid_input": "See `errors`"},
    "429": {
        "too_many_attempts": "A rate limit was reached",
        "busy": "The server is busy with passwords",
        "import_running": "Another import is running",
        "upstream_busy": "TMDB or MusicBrainz is being asked too often",
    },
    "502": {"upstream_unavailable": UPSTREAM_UNAVAILABLE},
    "503": {
        "upstream_unavailable": UPSTREAM_UNAVAILABLE,
        "database_unavailable": "The database is away, busy, full or read-only",
    },
    "504": {"upstream_unavailable": UPSTREAM_UNAVAILABLE},
}
ALWAYS = {"bad_request", "database_unavailable"}
SIGNED_IN = {"not_authenticated", "token_expired", "invalid_credentials", "inactive_account"}
WITH_BODY = {"invalid_json", "too_nested", "too_large", "invalid_input"}
HEADERS_OF = {"401": ["WWW-Authenticate"], "429": ["Retry-After"], "503": ["Retry-After"]}


def codes_of(operation: dict[str, Any], declared: set[str], *, is_read: bool) -> set[str]:
    """The codes that a view declares for an operation, and those that follow from what requests consist of."""
    codes = ALWAYS | declared
    parameters = operation.get("parameters", [])
    if operation.get("security"):
        codes |= SIGNED_IN if is_read else {*SIGNED_IN, "read_only_token"}
    if "requestBody" in operation:
        codes |= WITH_BODY
    if parameters:
        codes.add("invalid_input")
    if any(parameter["in"] == "path" for parameter in parameters) and not declared & CODES["404"].keys():
        codes.add("not_found")
    return codes


def describe(operation: dict[str, Any], declared: set[str], *, is_read: bool) -> None:
    """Add the problems to the responses of an operation, and to all of them their headers."""
    codes = codes_of(operation, declared, is_read=is_read)
    if unknown := codes.difference(*CODES.values()):
        raise KeyError(*unknown)
    responses = operation["responses"]
    for status, meanings in CODES.items():
        if names := [code for code in meanings if code in codes]:
            responses.setdefault(status, response_of({code: meanings[code] for code in names}))
    limited = ["RateLimit", "RateLimit-Policy"] if "too_many_attempts" in codes else []
    for status, response in responses.items():
        if names := [*limited, *HEADERS_OF.get(status, []), *["ETag"] * (is_read and status == "200")]:
            response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    operation["responses"] = dict(sorted(responses.items()))


def response_of(meanings: dict[str, str]) -> dict[str, Any]:
    """The response with a problem that has one of these codes."""
    properties = {"code": {"type": "string", "enum": list(meanings)}}
    code = {"type": "object", "required": ["code"], "properties": properties}
    problem = {"allOf": [{"$ref": "#/components/schemas/Problem"}, code]}
    return {
        "description": "\n\n".join(f"`{code}`: {meaning}." for code, meaning in meanings.items()),
        "content": {"application/problem+json": {"schema": problem}},
    }
