"""What `/health` answers: whether the site works and, for staff, the state of its parts."""

import logging
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import JsonResponse
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import AllowAny, IsAdminUser
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authentication import BearerAuthentication
from integrations import status
from selections.models import ImportedRow

from . import jobs, outages
from .api import problem
from .problems import SIGNED_IN

logger = logging.getLogger(__name__)


def body_of(name: str, status: str) -> serializers.Serializer:
    """The schema of the answer with this status."""
    return inline_serializer(name, {"status": serializers.ChoiceField([status]), "version": serializers.CharField()})


class HealthView(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]
    problems = [*SIGNED_IN, "permission_denied"]  # of DetailsView

    def dispatch(self, request, *args, **kwargs):
        """Skip REST framework's dispatch(), which costs as much as the rest."""
        if request.META.get("QUERY_STRING") and "verbose" in request.GET:
            return DetailsView.as_view()(request)
        plain = request.method in {"GET", "HEAD"}
        return self.get(request) if plain else super().dispatch(request, *args, **kwargs)

    @extend_schema(
        tags=["site"],
        auth=[],
        responses={200: body_of("Health", "healthy"), (503, "application/json"): body_of("Unhealthy", "unhealthy")},
    )
    def get(self, request):
        """Whether the site answers, and its database accepts changes.

        With `?verbose`, staff get more details.
        """
        try:
            if outages.is_writable():
                return JsonResponse({"status": "healthy", "version": settings.VERSION})
            reason = "The database is read-only"
        except DatabaseError as error:
            logger.error(outages.report(error))
            reason = "The database does not answer"
        body, headers = problem(503, reason, "database_unavailable", retry_after=1)
        body |= {"status": "unhealthy", "version": settings.VERSION}
        return JsonResponse(body, status=503, headers=headers)


class DetailsView(APIView):
    """For staff, with a token or signed in to the admin."""

    authentication_classes = [BearerAuthentication, SessionAuthentication]
    permission_classes = [IsAdminUser]

    def get(self, request):
        is_writable = outages.is_writable()
        disk = {name: shutil.disk_usage(folder) for name, folder in folders().items()}
        return Response(
            {
                "status": "healthy" if is_writable else "unhealthy",
                "version": settings.VERSION,
                "database": {"kind": connection.vendor, "is_writable": is_writable},
                "disk": {name: {"total": found.total, "free": found.free} for name, found in disk.items()},
                "upstreams": {upstream.service: self.show(upstream) for upstream in status.upstreams()},
                "imports": {"rows_to_decide": ImportedRow.objects.filter(state=ImportedRow.State.REVIEW).count()},
                "jobs": {
                    job.name: {"state": job.state, "started_at": job.started_at, "ended_at": job.ended_at}
                    for job in jobs.states()
                },
            },
            status=200 if is_writable else 503,
        )

    def show(self, upstream: status.UpstreamStatus) -> dict[str, Any]:
        return {
            "circuit_breaker": "open" if upstream.is_down else "closed",
            "asked_again_at": upstream.asked_again_at,
            "answered_at": upstream.answered_at,
            "troubles": upstream.troubles,
            "waiting": upstream.queue.waiting if upstream.queue else 0,
        }


def folders() -> dict[str, Path]:
    """The folders to which the site writes; for one that does not exist yet, its closest existing parent."""
    wanted = {"cache": settings.CACHE_DIR, "backups": settings.BACKUP_DIR}
    if connection.vendor == "sqlite":
        wanted["database"] = Path(connection.settings_dict["NAME"]).parent
    found = {name: folder.absolute() for name, folder in wanted.items() if folder}
    return {name: next(one for one in (folder, *folder.parents) if one.exists()) for name, folder in found.items()}
