from typing import Any

from django.conf import settings
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.api.authentication import is_read_only
from accounts.api.views import no_content, validated
from selections import reads, services
from selections.models import Week, WeekQuerySet
from selections.weeks import this_week, week_name

from . import serializers
from .addresses import ID, NO_ID, find_week, read_force
from .filters import WeekFilter
from .permissions import IsOwnerOrReadOnly


class WeekPages(GenericViewSet.pagination_class):  # type: ignore[misc, valid-type]
    def get_paginated_response_schema(self, schema):
        """With `include=picks`, the results have their picks."""
        either = {"anyOf": [{"$ref": "#/components/schemas/WeekFull"}, schema["items"]]}
        return super().get_paginated_response_schema({"type": "array", "items": either})


@extend_schema(tags=["weeks"], parameters=[ID])
class WeekViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet):
    """Weeks, newest first. Members read each other's, except those of private members; only the owner changes one."""

    serializer_class = serializers.WeekSerializer
    permission_classes = [IsAuthenticated, IsOwnerOrReadOnly]
    filter_backends = [DjangoFilterBackend]
    filterset_class = WeekFilter
    pagination_class = WeekPages
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> WeekQuerySet:
        user = self.request.user
        return Week.objects.visible_to(user).for_list().newest_first(user, own_first=settings.OWN_WEEKS_FIRST)

    def get_object(self) -> Week:
        """The week of the address. Raises NotFound, or PermissionDenied if the caller may not change it."""
        week = find_week(self.kwargs["pk"], self.request.user)
        self.check_object_permissions(self.request, week)
        return week

    @extend_schema(
        request=serializers.CreateWeekSerializer,
        responses={201: serializers.WeekSerializer},
        parameters=[NO_ID],
        extensions={"x-problems": ["week_exists", "too_many_weeks"]},
    )
    def create(self, request):
        """Create a week of your own."""
        week = services.create_week(request.user, **validated(serializers.CreateWeekSerializer(data=request.data)))
        return Response(serializers.WeekSerializer(week).data, status=status.HTTP_201_CREATED)

    @extend_schema(parameters=[NO_ID])
    def list(self, request, *args, **kwargs):
        """All weeks, newest first, your own first within a calendar week. With `include=picks`, they have their
        picks."""
        params = request.query_params
        if params.keys() <= {"page", "page_size", "include"} and params.get("include", "picks") == "picks":
            weeks: Any = reads.list_weeks(request.user.pk, own_first=settings.OWN_WEEKS_FIRST)
        else:
            weeks = self.filter_queryset(self.get_queryset())
        page: Any = self.paginate_queryset(weeks)
        serializer = serializers.WeekSerializer
        if params.get("include"):
            page, serializer = reads.with_picks(page, request.user.pk), serializers.WeekFullSerializer
        return self.get_paginated_response(serializer(page, many=True).data)

    @extend_schema(responses=serializers.WeekFullSerializer, extensions={"x-problems": ["week_not_found"]})
    def retrieve(self, request, *args, **kwargs):
        """A week with its picks."""
        (week,) = reads.with_picks([self.get_object()], request.user.pk)
        return Response(serializers.WeekFullSerializer(week).data)

    @extend_schema(
        responses=serializers.WeekFullSerializer,
        parameters=[NO_ID],
        filters=False,
        extensions={"x-problems": ["week_not_found", "too_many_weeks"]},
    )
    @action(detail=False, pagination_class=None)
    def current(self, request):
        """Your current week, created if you have none. Your time zone decides which week that is.

        A read-only API token cannot create one.
        """
        year, week_number = this_week(request.user)
        found = reads.week_by_name(year, week_number, request.user.pk)
        if not found and is_read_only(request.auth):
            raise NotFound(f"You have no week for {week_name(year, week_number)} yet.", code="week_not_found")
        week = found[0] if found else services.get_or_create_week(request.user, year, week_number)[0]
        reads.with_picks([week], request.user.pk)
        return Response(serializers.WeekFullSerializer(week).data)

    @extend_schema(
        request=serializers.ChangeWeekSerializer,
        responses=serializers.WeekSerializer,
        extensions={"x-problems": ["week_not_found", "permission_denied", "week_exists", "week_discussed"]},
    )
    def partial_update(self, request, pk):
        """Change the notes of a week of your own, or move it with its picks; `{}` changes nothing."""
        values = validated(serializers.ChangeWeekSerializer(data=request.data))
        week = self.get_object()
        if values:
            services.change_week(week, **values)
        return Response(serializers.WeekSerializer(week).data)

    @extend_schema(
        parameters=[serializers.ForceSerializer],
        responses={204: None},
        extensions={"x-problems": ["week_not_found", "permission_denied", "week_discussed", "revealed"]},
    )
    def destroy(self, request, pk):
        """Delete a week of your own, with its picks and the opinions on them."""
        force = read_force(request)
        services.delete_week(self.get_object(), force=force)
        return no_content()
