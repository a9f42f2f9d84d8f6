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

from accounts.api.authentication import is_read_only
from selections import services
from selections.models import Pick, Week, WeekAlbum, WeekMovie, WeekQuerySet
from selections.weeks import WEEK_NAME, read_week_name, this_week, week_name

from . import serializers
from .filters import WeekFilter
from .permissions import IsOwnerOrReadOnly

ID = OpenApiParameter(
    "id",
    {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": WEEK_NAME}]},
    OpenApiParameter.PATH,
    description="A week's number, or the ISO name of a week of one's own, such as `2026-W07`.",
)
NO_ID = OpenApiParameter("id", location=OpenApiParameter.PATH, exclude=True)
POSITION = OpenApiParameter("position", OpenApiTypes.INT, OpenApiParameter.PATH, enum=Pick.Position.values)
BAD_POSITION = OpenApiResponse(description="The position is neither 1 nor 2")
DISCUSSED = OpenApiResponse(
    description="Others have opinions on the pick (`pick_discussed`); or yours has revealed them, and the week is not "
    "over (`revealed`, also with `force=true`)"
)


@extend_schema(tags=["weeks"], parameters=[ID])
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
        return visible.for_page(self.request.user) if self.action == "retrieve" else visible.for_list()

    def filter_queryset(self, queryset):
        """Filters are for the list: a stray `?year=` hides no week from its own address."""
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    def get_object(self) -> Week:
        """The week of the address. Raises NotFound, or PermissionDenied where it is not the caller's to change."""
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
        """Create a week of one's own."""
        asked = serializers.CreateWeekSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        week = services.create_week(request.user, **asked.validated_data)
        return Response(serializers.WeekSerializer(week).data, status=status.HTTP_201_CREATED)

    @extend_schema(parameters=[NO_ID])
    def list(self, request, *args, **kwargs):
        """All weeks, newest first, one's own first within a calendar week."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=serializers.WeekFullSerializer)
    def retrieve(self, request, *args, **kwargs):
        """A week with its picks."""
        return Response(serializers.WeekFullSerializer(self.get_object()).data)

    @extend_schema(
        responses={
            200: serializers.WeekFullSerializer,
            404: OpenApiResponse(description="There is no week yet, and a read-only API token creates none"),
            409: OpenApiResponse(description="It is not there yet, and the account has as many weeks as it can have"),
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
                description="There is a week already where this one should move, or that would reveal opinions"
            ),
        },
    )
    def partial_update(self, request, pk):
        """Change the notes of a week of one's own, or move it, picks and all; `{}` changes nothing."""
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
        pick, _ = services.pick_movie(self.get_object(), **asked.validated_data)
        return self.picked(pick)

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
        pick, _ = services.pick_album(self.get_object(), **asked.validated_data)
        return self.picked(pick)

    @extend_schema(
        parameters=[POSITION, serializers.ForceSerializer],
        request=serializers.ReplaceMovieSerializer,
        responses={
            200: serializers.MoviePickedSerializer,
            201: serializers.MoviePickedSerializer,
            400: BAD_POSITION,
            409: OpenApiResponse(
                description="The movie is at the other position; others have opinions on what is here; or yours has "
                "revealed them, and the week is not over (`revealed`, also with `force=true`)"
            ),
        },
        extensions={"x-upstream": True},
    )
    @action(detail=True, methods=["put"], url_path="movies/(?P<position>[^/]+)")
    def movie(self, request, pk, position):
        """Pick a movie for a position of one's own week, in place of what is there: 201 if that was nothing, else 200.

        The movie that is there already stays as it was picked.
        """
        asked = serializers.ReplaceMovieSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        place, force = read_position(position), read_force(request)
        return self.picked(
            *services.pick_movie(self.get_object(), position=place, replace=True, force=force, **asked.validated_data)
        )

    @extend_schema(
        parameters=[POSITION],
        request=serializers.MovePickSerializer,
        responses={200: serializers.MoviePickedSerializer, 400: BAD_POSITION},
    )
    @movie.mapping.patch
    def move_movie(self, request, pk, position):
        """Move the movie at a position of your own week to the other position.

        A movie that is there comes here in exchange. Opinions stay with their movie, and so does its `added_at`; `{}`
        changes nothing.
        """
        return self.move(WeekMovie, position, "movie")

    @extend_schema(
        parameters=[POSITION, serializers.ForceSerializer],
        responses={204: None, 400: BAD_POSITION, 409: DISCUSSED},
    )
    @movie.mapping.delete
    def remove_movie(self, request, pk, position):
        """Remove the movie at a position of one's own week."""
        return self.remove(WeekMovie, position, "movie")

    @extend_schema(
        parameters=[POSITION, serializers.ForceSerializer],
        request=serializers.ReplaceAlbumSerializer,
        responses={
            200: serializers.AlbumPickedSerializer,
            201: serializers.AlbumPickedSerializer,
            400: BAD_POSITION,
            409: OpenApiResponse(
                description="The album is at the other position; others have opinions on what is here; or yours has "
                "revealed them, and the week is not over (`revealed`, also with `force=true`)"
            ),
        },
        extensions={"x-upstream": True},
    )
    @action(detail=True, methods=["put"], url_path="albums/(?P<position>[^/]+)")
    def album(self, request, pk, position):
        """Pick an album for a position of one's own week, in place of what is there: 201 if that was nothing, else 200.

        The album that is there already stays as it was picked.
        """
        asked = serializers.ReplaceAlbumSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        place, force = read_position(position), read_force(request)
        return self.picked(
            *services.pick_album(self.get_object(), position=place, replace=True, force=force, **asked.validated_data)
        )

    @extend_schema(
        parameters=[POSITION],
        request=serializers.MovePickSerializer,
        responses={200: serializers.AlbumPickedSerializer, 400: BAD_POSITION},
    )
    @album.mapping.patch
    def move_album(self, request, pk, position):
        """Move the album at a position of your own week to the other position.

        An album that is there comes here in exchange. Opinions stay with their album, and so does its `added_at`; `{}`
        changes nothing.
        """
        return self.move(WeekAlbum, position, "album")

    @extend_schema(
        parameters=[POSITION, serializers.ForceSerializer],
        responses={204: None, 400: BAD_POSITION, 409: DISCUSSED},
    )
    @album.mapping.delete
    def remove_album(self, request, pk, position):
        """Remove the album at a position of one's own week."""
        return self.remove(WeekAlbum, position, "album")

    def picked(self, pick: WeekMovie | WeekAlbum, is_new: bool = True) -> Response:
        """The answer to a pick."""
        made = serializers.MoviePickedSerializer if isinstance(pick, WeekMovie) else serializers.AlbumPickedSerializer
        return Response(
            made(pick, context={"user": self.request.user}).data,
            status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK,
        )

    def move(self, model: type[WeekMovie | WeekAlbum], position: str, what: str) -> Response:
        asked = serializers.MovePickSerializer(data=self.request.data)
        asked.is_valid(raise_exception=True)
        place, week = read_position(position), self.get_object()
        pick = services.move_pick(model, week, place, asked.validated_data.get("position", place))
        if pick is None:
            raise NotFound(f"No {what} found at position {place}", code="no_pick")
        return self.picked(pick, is_new=False)

    def remove(self, model: type[WeekMovie | WeekAlbum], position: str, what: str) -> Response:
        place, force = read_position(position), read_force(self.request)
        if not services.remove_pick(model, self.get_object(), place, force=force):
            raise NotFound(f"No {what} found at position {place}", code="no_pick")
        return Response(status=status.HTTP_204_NO_CONTENT)


def find_week(weeks: WeekQuerySet, raw: str, user) -> Week:
    """The one of these weeks that an address means: by its number, or by the ISO name of one of the user's own.

    Raises NotFound.
    """
    if name := read_week_name(raw):
        weeks = weeks.filter(user=user, year=name[0], week_number=name[1])
    elif raw.isascii() and raw.isdecimal() and len(raw) <= 18:
        weeks = weeks.filter(pk=int(raw))
    else:
        weeks = weeks.none()
    week = weeks.first()
    if week is None:
        raise NotFound("Week not found", code="week_not_found")
    return week


def read_force(request) -> bool:
    """Whether `?force=true` is asked. Raises ValidationError."""
    asked = serializers.ForceSerializer(data=request.query_params)
    asked.is_valid(raise_exception=True)
    return asked.validated_data["force"]


def read_position(raw: str) -> int:
    """A position from an address. Raises ParseError."""
    if raw not in {"1", "2"}:
        raise ParseError("Position must be 1 or 2", code="invalid_position")
    return int(raw)
