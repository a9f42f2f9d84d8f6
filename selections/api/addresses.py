"""The parameters in addresses of weeks and picks, and their description in the OpenAPI document."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import NotFound, ParseError

from accounts.api.views import validated
from selections import reads
from selections.models import POSITION_RULE, Position, Week
from selections.weeks import WEEK_NAME, read_week_name

from .serializers import ForceSerializer

ID = OpenApiParameter(
    "id",
    {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": WEEK_NAME}]},
    OpenApiParameter.PATH,
    description="The id of a week, or the ISO name of one of your own weeks, such as `2026-W07`.",
)
NO_ID = OpenApiParameter("id", location=OpenApiParameter.PATH, exclude=True)
POSITION = OpenApiParameter("position", OpenApiTypes.INT, OpenApiParameter.PATH, enum=Position.values)


def find_week(raw: str, user) -> Week:
    """The week with the id in an address, if the user may see it, or with the ISO name if it is one of their own.

    Raises NotFound.
    """
    found: list[Week] = []
    if name := read_week_name(raw):
        found = reads.week_by_name(*name, user.pk)
    elif raw.isascii() and raw.isdecimal() and len(raw) <= 18:
        found = reads.week_by_id(int(raw), user.pk)
    if not found:
        raise NotFound("Week not found", code="week_not_found")
    return found[0]


def read_force(request) -> bool:
    """Whether the request has `?force=true`. Raises ValidationError."""
    return validated(ForceSerializer(data=request.query_params))["force"]


def read_position(raw: str) -> int:
    """A position from an address. Raises ParseError."""
    if raw not in map(str, Position.values):
        raise ParseError(POSITION_RULE, code="invalid_position")
    return int(raw)
