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
# docs/api.md says what they mean.
CODES: dict[str, list[str]] = {
    "400": ["bad_request", "invalid_json", "too_nested", "invalid_position"],
    "401": ["not_authenticated", "token_expired", "invalid_credentials"],
    "403": [
        *("inactive_account", "read_only_token", "permission_denied", "not_owner", "not_challenged", "private_member"),
        *("wrong_password", "not_shared", "registration_closed", "invitation_invalid", "reset_link_invalid"),
    ],
    "404": [
        *("not_found", "week_not_found", "user_not_found", "item_not_found", "challenge_not_found", "nothing_to_draw"),
        *("no_pick", "no_opinion", "nothing_shared"),
    ],
    "409": [
        *("username_taken", "email_taken", "invitation_used", "password_changed", "week_exists", "too_many_weeks"),
        *("position_occupied", "already_picked", "just_merged", "already_on_shortlist", "shortlist_full", "own_item"),
        *("already_proposed", "too_many_pending", "challenge_answered", "pick_discussed", "week_discussed", "revealed"),
    ],
    "413": ["too_large"],
    "422": ["invalid_input"],
    "429": ["too_many_attempts", "busy", "import_running", "upstream_busy"],
    "502": ["upstream_unavailable"],
    "503": ["upstream_unavailable", "database_unavailable"],
    "504": ["upstream_unavailable"],
}
ALWAYS = {"bad_request", "database_unavailable"}
SIGNED_IN = {"not_authenticated", "token_expired", "invalid_credentials", "inactive_account"}
WITH_BODY = {"invalid_json", "too_nested", "too_large", "invalid_input"}
HEADERS_OF = {"401": ["WWW-Authenticate"], "429": ["Retry-After"], "503": ["Retry-After"]}


def codes_of(operation: dict[str, Any], declared: set[str], *, is_read: bool) -> set[str]:
    """The codes that a view declares for an operation, and those that follow from its parameters and its body."""
    codes = ALWAYS | declared
    parameters = operation.get("parameters", [])
    if operation.get("security"):
        codes |= SIGNED_IN if is_read else {*SIGNED_IN, "read_only_token"}
    if "requestBody" in operation:
        codes |= WITH_BODY
    if parameters:
        codes.add("invalid_input")
    if any(parameter["in"] == "path" for parameter in parameters) and declared.isdisjoint(CODES["404"]):
        codes.add("not_found")
    return codes


def describe(operation: dict[str, Any], declared: set[str], *, is_read: bool) -> None:
    """Add the problems to the responses of an operation, and to all of them their headers."""
    codes = codes_of(operation, declared, is_read=is_read)
    if unknown := codes.difference(*CODES.values()):
        raise KeyError(*unknown)
    responses = operation["responses"]
    for status, known in CODES.items():
        if names := [code for code in known if code in codes]:
            responses.setdefault(status, response_of(names))
    limited = ["RateLimit", "RateLimit-Policy"] if "too_many_attempts" in codes else []
    for status, response in responses.items():
        if names := [*limited, *HEADERS_OF.get(status, []), *["ETag"] * (is_read and status == "200")]:
            response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    operation["responses"] = dict(sorted(responses.items()))


def response_of(codes: list[str]) -> dict[str, Any]:
    """The response with a problem that has one of these codes."""
    properties = {"code": {"type": "string", "enum": codes}}
    code = {"type": "object", "required": ["code"], "properties": properties}
    problem = {"allOf": [{"$ref": "#/components/schemas/Problem"}, code]}
    return {
        "description": ", ".join(f"`{code}`" for code in codes),
        "content": {"application/problem+json": {"schema": problem}},
    }
