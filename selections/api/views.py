from django.conf import settings
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.api.authentication import is_read_only
from selections import services
from selections.models import Week, WeekQuerySet
from selections.weeks import this_week, week_name

from . import serializers
from .addresses import ID, NO_ID, find_week, read_force
from .filters import WeekFilter
from .permissions import IsOwnerOrReadOnly


@extend_schema(tags=["weeks"], parameters=[ID])
class WeekViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet):
    """Weeks, newest first. Members read each other's, except those of private members; only the owner changes one."""

    serializer_class = serializers.WeekSerializer
    permission_classes = [IsAuthenticated, IsOwnerOrReadOnly]
    filter_backends = [DjangoFilterBackend]
    filterset_class = WeekFilter
    lookup_value_regex = "[^/]+"

    def get_queryset(self):
        visible = Week.objects.visible_to(self.request.user)
        if self.action == "list":
            return visible.for_list().newest_first(self.request.user, own_first=settings.OWN_WEEKS_FIRST)
        return visible.for_page(self.request.user) if self.action == "retrieve" else visible.for_list()

    def filter_queryset(self, queryset):
        """Filters are for the list only: a stray `?year=` does not hide a week at its own address."""
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    def count(self, weeks: WeekQuerySet) -> int:
        """The number of weeks in the list."""
        is_filtered = any(map(self.request.query_params.get, WeekFilter.base_filters))
        return weeks.count() if is_filtered else Week.objects.count_visible_to(self.request.user)

    def get_object(self) -> Week:
        """The week of the address. Raises NotFound, or PermissionDenied if the caller may not change it."""
        week = find_week(self.get_queryset(), self.kwargs["pk"], self.request.user)
        self.check_object_permissions(self.request, week)
        return week

    @extend_schema(
        request=serializers.CreateWeekSerializer,
        responses={
            201: serializers.WeekSerializer,
            409: OpenApiResponse(description="The week exists, or there are too many"),
        },
        parameters=[NO_ID],
    )
    def create(self, request):
        """Create a week of your own."""
        asked = serializers.CreateWeekSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        week = services.create_week(request.user, **asked.validated_data)
        return Response(serializers.WeekSerializer(week).data, status=status.HTTP_201_CREATED)

    @extend_schema(parameters=[NO_ID])
    def list(self, request, *args, **kwargs):
        """All weeks, newest first, your own first within a calendar week."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=serializers.WeekFullSerializer)
    def retrieve(self, request, *args, **kwargs):
        """A week with its picks."""
        return Response(serializers.WeekFullSerializer(self.get_object()).data)

    @extend_schema(
        responses={
            200: serializers.WeekFullSerializer,
            404: OpenApiResponse(description="There is no week yet, and a read-only API token cannot create one"),
            409: OpenApiResponse(description="There is no week yet, and the account has the maximum number of weeks"),
        },
        parameters=[NO_ID],
        filters=False,
    )
    @action(detail=False, pagination_class=None)
    def current(self, request):
        """Your week of today, created if absent. Your time zone decides which day that is."""
        if is_read_only(request.auth):
            year, week_number = this_week(request.user)
            week = request.user.weeks.filter(year=year, week_number=week_number).first()
            if week is None:
                raise NotFound(f"You have no week for {week_name(year, week_number)} yet.", code="week_not_found")
        else:
            week = services.current_week(request.user)
        return Response(serializers.WeekFullSerializer(Week.objects.for_page(request.user).get(pk=week.pk)).data)

    @extend_schema(
        request=serializers.ChangeWeekSerializer,
        responses={
            200: serializers.WeekSerializer,
            409: OpenApiResponse(
                description="The target week already exists, or moving the week would reveal opinions"
            ),
        },
    )
    def partial_update(self, request, pk):
        """Change the notes of a week of your own, or move it with its picks; `{}` changes nothing."""
        asked = serializers.ChangeWeekSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        week = self.get_object()
        if asked.validated_data:
            services.change_week(week, **asked.validated_data)
        return Response(serializers.WeekSerializer(week).data)

    @extend_schema(
        parameters=[serializers.ForceSerializer],
        responses={
            204: None,
            409: OpenApiResponse(
                description="Others have opinions on the week's picks (`week_discussed`); or yours have revealed some, "
                "and the week is not over (`revealed`, also with `force=true`)"
            ),
        },
    )
    def destroy(self, request, pk):
        """Delete a week of your own, with its picks and the opinions on them."""
        force = read_force(request)
        services.delete_week(self.get_object(), force=force)
        return Response(status=status.HTTP_204_NO_CONTENT)
