"""JSON bodies and pages of the API, which REST framework's settings name."""

import re

from django.core.exceptions import RequestDataTooBig
from django.http import QueryDict
from rest_framework import exceptions, serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.pagination import BasePagination
from rest_framework.parsers import BaseParser
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


class AlwaysJSON(BaseContentNegotiation):
    """There is one format, so the Accept header does not matter."""

    def select_parser(self, request, parsers):
        return parsers[0]

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type


PLAIN_NUMBER = re.compile(r"[1-9][0-9]?").fullmatch


class Pages(BasePagination):
    """`page` from 1, `page_size` to 100; a page beyond the end is empty.

    A query set may have its own way to load a page, as `page(limit, offset)`.
    """

    class Query(serializers.Serializer):
        page = serializers.IntegerField(min_value=1, max_value=1_000_000_000, default=1)
        page_size = serializers.IntegerField(min_value=1, max_value=100, default=20)

    def paginate_queryset(self, queryset, request, view=None):
        self.page, self.page_size = self.read(request.query_params)
        self.total = queryset.count()
        start = (self.page - 1) * self.page_size
        if start >= self.total:
            return []
        if hasattr(queryset, "page"):
            return list(queryset.page(self.page_size, start))
        return list(queryset[start : start + self.page_size])

    def read(self, params: QueryDict) -> tuple[int, int]:
        """The page and its size. Raises ValidationError."""
        page, page_size = params.get("page", "1"), params.get("page_size", "20")
        if PLAIN_NUMBER(page) and PLAIN_NUMBER(page_size):  # for speed, and nearly always
            return int(page), int(page_size)
        query = self.Query(data=params)
        query.is_valid(raise_exception=True)
        return query.validated_data["page"], query.validated_data["page_size"]

    def get_paginated_response(self, data):
        return Response({"total": self.total, "page": self.page, "page_size": self.page_size, "results": data})

    def get_paginated_response_schema(self, schema):
        number = {"type": "integer"}
        return {
            "type": "object",
            "required": ["total", "page", "page_size", "results"],
            "properties": {"total": number, "page": number, "page_size": number, "results": schema},
        }

    def get_schema_operation_parameters(self, view):
        limits = {"page": {"maximum": 1_000_000_000, "default": 1}, "page_size": {"maximum": 100, "default": 20}}
        return [
            {"name": name, "in": "query", "schema": {"type": "integer", "minimum": 1} | limit}
            for name, limit in limits.items()
        ]
