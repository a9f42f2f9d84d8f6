"""Exporting a user's data as a file, and importing our own JSON."""

from collections.abc import Iterable
from copy import deepcopy
from http import HTTPStatus
from itertools import chain

from django.conf import settings
from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import limits
from accounts.api.views import validated
from accounts.errors import Refusal
from accounts.models import ApiToken
from catalog.json_fields import AnyObject, InvalidValue, List
from selections.transfer import export, own_json, restoring
from selections.transfer.restoring import Report
from selections.weeks import FIRST_YEAR, LAST_YEAR

CSV = "text/csv; charset=utf-8"
IMPORT_RETRY = 5  # seconds


class ExportQuerySerializer(serializers.Serializer):
    format = serializers.ChoiceField(
        ["json", "csv", "letterboxd"],
        default="json",
        error_messages={"invalid_choice": "Format must be json, csv or letterboxd."},
        help_text="`json` has everything and can be imported again; `csv` is for spreadsheets; `letterboxd` is for "
        "Letterboxd: a CSV file, or a ZIP file of several if one would be too large.",
    )
    year = serializers.IntegerField(
        min_value=FIRST_YEAR,
        max_value=LAST_YEAR,
        required=False,
        help_text="For `json`: only the weeks of this ISO year, if all weeks are too large for one import.",
    )


class ImportQuerySerializer(serializers.Serializer):
    dry_run = serializers.BooleanField(
        default=True, help_text="`false` applies the import; otherwise the response only reports what it would do."
    )


class ArchiveSerializer(serializers.Serializer):
    """A user's data, with the catalog's details of their picks."""


class ArchiveSchema(OpenApiSerializerExtension):
    """Describes exports in full, from the fields in own_json.py. For imports it describes only the outline: the example
    shows the rest, and an error says which value is invalid."""

    target_class = ArchiveSerializer

    def map_serializer(self, auto_schema, direction):
        schema = deepcopy(own_json.EXPORT.schema()) | {"description": ArchiveSerializer.__doc__}  # others add to it
        if direction == "request":
            objects = List(AnyObject()).schema()
            outline = {"user": AnyObject().schema(), "weeks": objects, "opinions_given": objects, "shortlist": objects}
            schema |= {"required": ["format", "version"], "properties": schema["properties"] | outline}
        return schema


class ImportReportSerializer(serializers.Serializer):
    """The result of an import, or of a dry run. Existing data is left unchanged."""

    applied = serializers.BooleanField(help_text="Whether anything was done: false for a dry run.")
    profile = serializers.ListField(
        child=serializers.CharField(), help_text="The fields of the profile that had their defaults and were filled in."
    )
    weeks_created = serializers.IntegerField()
    weeks_existing = serializers.IntegerField()
    notes_filled = serializers.IntegerField(help_text="Existing weeks without notes that were given some.")
    rewatches_filled = serializers.IntegerField(
        help_text="Existing picks for which it was unknown whether they are rewatches, and the file says it."
    )
    picks_created = serializers.IntegerField()
    picks_existing = serializers.IntegerField()
    picks_left_out = serializers.IntegerField(help_text="Both positions are occupied, or the work is unknown.")
    opinions_created = serializers.IntegerField()
    opinions_existing = serializers.IntegerField()
    opinions_left_out = serializers.IntegerField(help_text="On picks that do not exist, or that you may not see.")
    shortlist_created = serializers.IntegerField()
    shortlist_existing = serializers.IntegerField()
    shortlist_left_out = serializers.IntegerField(help_text="The shortlist is full, or the work is unknown.")
    opinions_of_others = serializers.IntegerField(help_text="In the file for reading only; never imported.")
    movies_added = serializers.IntegerField(
        help_text="Added to the catalog as the file describes them, until TMDB is asked about them."
    )
    albums_added = serializers.IntegerField(
        help_text="Added to the catalog as the file describes them, until MusicBrainz is asked about them."
    )
    remarks = serializers.ListField(
        child=serializers.CharField(), help_text="A sentence for each item that was skipped."
    )


class ExportView(APIView):
    @extend_schema(
        tags=["files"],
        parameters=[ExportQuerySerializer],
        responses={
            (200, "application/json"): ArchiveSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/zip"): {"type": "string", "contentMediaType": "application/zip"},
        },
        extensions={"x-problems": ["too_many_attempts"]},
    )
    def get(self, request):
        """Export everything of your account as a file, to keep or to take elsewhere.

        It contains your weeks, picks and opinions, and those opinions of others that you can currently read. The
        response is streamed: a connection that ends early leaves an incomplete file.
        """
        asked = validated(ExportQuerySerializer(data=request.query_params))
        limits.count_attempt("export", request, limits.account_id(request.user.pk))
        if asked["format"] == "json":
            pieces = export.to_json(request.user, asked.get("year"))
            return stream(pieces, "application/json", export.file_name(request.user, ".json"))
        if asked["format"] == "csv":
            return stream(export.to_csv(request.user), CSV, export.file_name(request.user, ".csv"))
        return self.letterboxd(request.user)

    def letterboxd(self, user) -> HttpResponseBase:
        """A single file as it is, several files as a ZIP file."""
        name = export.file_name(user, "-letterboxd")
        files = export.letterboxd_files(user)
        ending, text = next(files)
        if not ending:
            return stream([text], CSV, f"{name}.csv")
        named = ((f"{name}{ending}.csv", part) for ending, part in chain([(ending, text)], files))
        return stream([export.zipped(named)], "application/zip", f"{name}.zip")


def stream(pieces: Iterable[str] | Iterable[bytes], content_type: str, name: str) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        pieces,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


class ImportView(APIView):
    @property
    def max_bytes(self) -> int:
        """The maximum size of the body, instead of the usual limit."""
        return int(settings.IMPORT_MAX_MB * 1_000_000)

    @extend_schema(
        tags=["files"],
        parameters=[ImportQuerySerializer],
        request=ArchiveSerializer,
        responses=ImportReportSerializer,
        extensions={"x-problems": ["too_many_attempts", "import_running"]},
    )
    def post(self, request):
        """Import an export: missing data is added, and existing data is left unchanged.

        Without `dry_run=false` nothing is changed, and the response says what would be. Repeating an import does
        nothing, and one that was interrupted can be sent again. Opinions of others in the file are never imported,
        and your opinions on picks of weeks that are not over count as given now, without earlier ratings. With an API
        token, the profile in the file is ignored. Dry runs count towards the limit as well. While other imports keep
        the server busy, the response is 429 `import_running`.
        """
        asked = validated(ImportQuerySerializer(data=request.query_params))
        try:
            with restoring.one_at_a_time():
                report = self.load(request, apply=not asked["dry_run"])
        except restoring.ImportRunning:
            # Otherwise a client that is still sending would not read the response.
            for _ in range(self.max_bytes // 2**16 + 1):
                request.read(2**16)
            sentence = f"Another import is running. Try again in {IMPORT_RETRY} seconds."
            raise Refusal(sentence, "import_running", HTTPStatus.TOO_MANY_REQUESTS, retry_after=IMPORT_RETRY) from None
        return Response(ImportReportSerializer(report).data)

    def load(self, request, *, apply: bool) -> Report:
        limits.count_attempt("import", request, limits.account_id(request.user.pk))
        data = request.data
        is_signed_in = not isinstance(request.auth, ApiToken)
        try:
            return restoring.load(request.user, data, apply=apply, is_trusted=False, with_profile=is_signed_in)
        except InvalidValue as error:
            fault = serializers.ErrorDetail(error.sentence, code="invalid")
            raise serializers.ValidationError({error.place or "non_field_errors": [fault]}) from None
        finally:
            data.clear()  # before the next file is read: the request itself lives a little longer
