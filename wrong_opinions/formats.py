"""JSON bodies and pages of the API, which REST framework's settings name."""

import re
from typing import Any
from urllib.parse import urlencode

import orjson
from django.core.exceptions import RequestDataTooBig
from django.http import QueryDict
from rest_framework import exceptions, serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.pagination import BasePagination
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.utils import json

from catalog.json_limits import is_overloaded


class JSONBodyParser(BaseParser):
    """A JSON object in UTF-8, maybe after a byte order mark, with any Content-Type; an empty body is `{}`.

    The limit is the view's `max_bytes`, or that of the settings.
    """

    media_type = "*/*"

    def parse(self, stream, media_type=None, parser_context=None):
        context = parser_context or {}
        max_bytes = getattr(context["view"], "max_bytes", None)
        if max_bytes is None:
            body = context["request"].body  # unlike the stream, limited by the settings
        elif len(body := stream.read(max_bytes + 1)) > max_bytes:
            raise RequestDataTooBig
        if is_overloaded(body):
            raise exceptions.ParseError("The body has too many lists and objects, or too deep ones", code="too_nested")
        try:
            data = json.loads(body.decode("utf-8-sig")) if body.strip() else {}
        except (ValueError, RecursionError):
            raise exceptions.ParseError("The body is not valid JSON", code="invalid_json") from None
        if not isinstance(data, dict):
            raise exceptions.ValidationError("The body must be a JSON object", code="invalid")
        return data


OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


class Renderer(JSONRenderer):
    """The last that needs the view, its request and its response.

    They refer to each other. So they, and all rows of the answer, would stay until the garbage collector finds them.
    """

    def render(self, data, accepted_media_type=None, renderer_context=None):
        # As REST framework does, but without calling a function for each date, which may take most of the time.
        rendered = b"" if data is None else orjson.dumps(data, self.encoder_class().default, OPTIONS)
        if renderer_context:
            vars(renderer_context["view"]).clear()
            renderer_context["request"].parser_context.clear()
            renderer_context.clear()
        return rendered


class AlwaysJSON(BaseContentNegotiation):
    """There is one format, so the Accept header does not matter."""

    def select_parser(self, request, parsers):
        return parsers[0]

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type


PLAIN_NUMBER = re.compile(r"[1-9][0-9]?|100").fullmatch
PAGE = {"page", "page_size"}


class Pages(BasePagination):
    """`page` from 1, `page_size` to 100; a page beyond the end is empty.

    A query set may have its own way to load a page, as `page(limit, offset)`, whose rows may have the `total` of all
    pages. A view may have a `page_size` of its own, and names the parameters that it knows beside those of its filters
    in `query_parameters`.
    """

    class Query(serializers.Serializer):
        page = serializers.IntegerField(min_value=1, max_value=1_000_000_000, default=1)
        page_size = serializers.IntegerField(min_value=1, max_value=100, required=False)

    def paginate_queryset(self, queryset, request, view=None):
        self.request = request
        if unknown := request.query_params.keys() - PAGE:
            check_parameters(unknown, view)
        self.page, self.page_size = self.read(request.query_params, getattr(view, "page_size", 20))
        start, end = (self.page - 1) * self.page_size, self.page * self.page_size
        rows = list(queryset.page(self.page_size, start) if hasattr(queryset, "page") else queryset[start:end])
        is_last = len(rows) < self.page_size and (rows or self.page == 1)
        if is_last:
            self.total = start + len(rows)
        else:
            self.total = rows[0].total if rows and hasattr(rows[0], "total") else queryset.count()
        return rows

    def read(self, params: QueryDict, default_size: int) -> tuple[int, int]:
        """The page and its size. Raises ValidationError."""
        page, page_size = params.get("page", "1"), params.get("page_size", str(default_size))
        if PLAIN_NUMBER(page) and PLAIN_NUMBER(page_size):  # for speed, and nearly always
            return int(page), int(page_size)
        query = self.Query(data=params)
        query.is_valid(raise_exception=True)
        return query.validated_data["page"], query.validated_data.get("page_size", default_size)

    def get_paginated_response(self, data):
        page = {"total": self.total, "page": self.page, "page_size": self.page_size}
        return Response(page | {"links": self.links(), "results": data})

    def links(self) -> dict[str, str | None]:
        """The addresses of the next and of the previous page with rows, on this site."""
        last = -(-self.total // self.page_size)
        return {
            "next": self.address(self.page + 1) if self.page < last else None,
            "previous": self.address(min(self.page - 1, last)) if self.page > 1 and last else None,
        }

    def address(self, page: int) -> str:
        return f"{self.request.path}?{urlencode(self.request.query_params.dict() | {'page': page})}"

    def get_paginated_response_schema(self, schema):
        number, links = {"type": "integer"}, {"$ref": "#/components/schemas/Links"}
        properties = {"total": number, "page": number, "page_size": number, "links": links, "results": schema}
        return {"type": "object", "required": list(properties), "properties": properties}

    def get_schema_operation_parameters(self, view):
        limits = {"page": {"maximum": 1_000_000_000, "default": 1}, "page_size": {"maximum": 100, "default": 20}}
        return [
            {"name": name, "in": "query", "schema": {"type": "integer", "minimum": 1} | limit}
            for name, limit in limits.items()
        ]


def check_parameters(names: set[str], view: Any) -> None:
    """Refuse parameters that the view does not know, as a misspelled filter would list everything.

    Raises ValidationError.
    """
    filters = getattr(view, "filterset_class", None)
    known = PAGE | {*(filters.base_filters if filters else ()), *getattr(view, "query_parameters", ())}
    if unknown := sorted(names - known):
        message = f"There is no such parameter. Use {', '.join(sorted(known))}."
        raise exceptions.ValidationError({unknown[0][:50]: message}, code="unknown_parameter")
