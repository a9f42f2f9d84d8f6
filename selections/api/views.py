from django.conf import settings
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from selections import services
from selections.models import Pick, Week, WeekAlbum, WeekMovie

from . import serializers
from .filters import WeekFilter
from .permissions import IsOwnerOrReadOnly

POSITION = OpenApiParameter("position", OpenApiTypes.INT, OpenApiParameter.PATH, enum=Pick.Position.values)


@extend_schema(tags=["weeks"], parameters=[OpenApiParameter("id", OpenApiTypes.INT, OpenApiParameter.PATH)])
class WeekViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet):
    """Weeks, newest first. Members read each other's, but those of private people; only its owner changes one."""

    serializer_class = serializers.WeekSerializer
    permission_classes = [IsAuthenticated, IsOwnerOrReadOnly]
    filter_backends = [DjangoFilterBackend]
    filterset_class = WeekFilter
    lookup_value_regex = "[^/]+"

    def get_queryset(self):
        visible = Week.objects.visible_to(self.request.user)
        if self.action == "list":
            return visible.for_list().newest_first(self.request.user, own_first=settings.OWN_WEEKS_FIRST)
        return visible.with_picks() if self.action == "retrieve" else visible.for_list()

    def filter_queryset(self, queryset):
        """Filters are for the list: a stray `?year=` hides no week from its own address."""
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    def get_object(self) -> Week:
        """The week of the address. Raises NotFound, or PermissionDenied where it is not the caller's to change."""
        raw = self.kwargs["pk"]
        known = raw.isascii() and raw.isdecimal() and len(raw) <= 18
        week = self.get_queryset().filter(pk=int(raw)).first() if known else None
        if week is None:
            raise NotFound("Week not found", code="week_not_found")
        self.check_object_permissions(self.request, week)
        return week

    @extend_schema(
        request=serializers.CreateWeekSerializer,
        responses={201: serializers.WeekSerializer, 409: OpenApiResponse(description="The week exists")},
        parameters=[OpenApiParameter("id", location=OpenApiParameter.PATH, exclude=True)],
    )
    def create(self, request):
        """Create a week of one's own."""
        asked = serializers.CreateWeekSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        week = services.create_week(request.user, **asked.validated_data)
        return Response(serializers.WeekSerializer(week).data, status=status.HTTP_201_CREATED)

    @extend_schema(parameters=[OpenApiParameter("id", location=OpenApiParameter.PATH, exclude=True)])
    def list(self, request, *args, **kwargs):
        """All weeks, newest first, one's own first within a calendar week."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=serializers.WeekFullSerializer)
    def retrieve(self, request, *args, **kwargs):
        """A week with its picks."""
        return Response(serializers.WeekFullSerializer(self.get_object()).data)

    @extend_schema(
        responses=serializers.WeekFullSerializer,
        parameters=[OpenApiParameter("id", location=OpenApiParameter.PATH, exclude=True)],
        filters=False,
    )
    @action(detail=False, pagination_class=None)
    def current(self, request):
        """One's own week of today, created if absent. Whose today it is, one's time zone decides."""
        week = services.current_week(request.user)
        return Response(serializers.WeekFullSerializer(Week.objects.with_picks().get(pk=week.pk)).data)

    @extend_schema(request=serializers.ChangeWeekSerializer, responses=serializers.WeekSerializer)
    def partial_update(self, request, pk):
        """Change the notes of a week of one's own; `{}` changes nothing."""
        asked = serializers.ChangeWeekSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        week = self.get_object()
        if "notes" in asked.validated_data:
            services.change_notes(week, asked.validated_data["notes"])
        return Response(serializers.WeekSerializer(week).data)

    @extend_schema(responses={204: None})
    def destroy(self, request, pk):
        """Delete a week of one's own, with its picks."""
        services.delete_week(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        request=serializers.PickMovieSerializer,
        responses={
            201: serializers.MoviePickedSerializer,
            409: OpenApiResponse(description="The position is taken, or the movie is in the week already"),
        },
        extensions={"x-upstream": True},
    )
    @action(detail=True, methods=["post"])
    def movies(self, request, pk):
        """Pick a movie by its TMDB id for a free position of one's own week."""
        asked = serializers.PickMovieSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        pick = services.pick_movie(self.get_object(), **asked.validated_data)
        return Response(serializers.MoviePickedSerializer(pick).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.PickAlbumSerializer,
        responses={
            201: serializers.AlbumPickedSerializer,
            409: OpenApiResponse(description="The position is taken, or the album is in the week already"),
        },
        extensions={"x-upstream": True},
    )
    @action(detail=True, methods=["post"])
    def albums(self, request, pk):
        """Pick an album by its MusicBrainz release id for a free position of one's own week."""
        asked = serializers.PickAlbumSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        pick = services.pick_album(self.get_object(), **asked.validated_data)
        return Response(serializers.AlbumPickedSerializer(pick).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        parameters=[POSITION],
        responses={204: None, 400: OpenApiResponse(description="The position is neither 1 nor 2")},
    )
    @action(detail=True, methods=["delete"], url_path="movies/(?P<position>[^/]+)")
    def remove_movie(self, request, pk, position):
        """Remove the movie at a position of one's own week."""
        return self.remove(WeekMovie, position, "movie")

    @extend_schema(
        parameters=[POSITION],
        responses={204: None, 400: OpenApiResponse(description="The position is neither 1 nor 2")},
    )
    @action(detail=True, methods=["delete"], url_path="albums/(?P<position>[^/]+)")
    def remove_album(self, request, pk, position):
        """Remove the album at a position of one's own week."""
        return self.remove(WeekAlbum, position, "album")

    def remove(self, model: type[WeekMovie | WeekAlbum], position: str, what: str) -> Response:
        if position not in {"1", "2"}:
            raise ParseError("Position must be 1 or 2", code="invalid_position")
        if not services.remove_pick(model, self.get_object(), int(position)):
            raise NotFound(f"No {what} found at position {position}", code="no_pick")
        return Response(status=status.HTTP_204_NO_CONTENT)
