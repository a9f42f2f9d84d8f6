"""Picking movies and albums for positions of your own weeks, and moving and removing picks."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.views import no_content, validated
from selections import services
from selections.kinds import ALBUM, MOVIE, Kind
from selections.models import AnyPick, Week

from . import serializers
from .addresses import ID, POSITION, find_week, read_force, read_position
from .permissions import IsOwnerOrReadOnly

# Codes of problems with a work that is picked.
PICK = ["not_found", "already_picked", "just_merged", "upstream_busy", "upstream_unavailable"]
SERIALIZERS = {  # for the bodies of POST and PUT, and for the response
    MOVIE: (
        serializers.PickMovieSerializer,
        serializers.ReplaceMovieSerializer,
        serializers.MoviePickedSerializer,
    ),
    ALBUM: (
        serializers.PickAlbumSerializer,
        serializers.ReplaceAlbumSerializer,
        serializers.AlbumPickedSerializer,
    ),
}


class OwnWeekView(APIView):
    """Base view for the picks of one kind in a week, which only its owner may change."""

    permission_classes = [IsAuthenticated, IsOwnerOrReadOnly]
    problems = ["week_not_found", "permission_denied"]
    kind: Kind

    def get_week(self) -> Week:
        """The week of the address. Raises NotFound, or PermissionDenied if the caller may not change it."""
        week = find_week(self.kwargs["pk"], self.request.user)
        self.check_object_permissions(self.request, week)
        return week

    def answer(self, pick: AnyPick | None, status_code: int = status.HTTP_200_OK) -> Response:
        """The response with a pick. Raises NotFound without one."""
        if pick is None:
            raise NotFound(f"No {self.kind.name} found at position {self.kwargs['position']}", code="no_pick")
        pick.previous_selections = services.previous_picks(pick, self.request.user)
        return Response(SERIALIZERS[self.kind][2](pick).data, status=status_code)


class PicksView(OwnWeekView):
    def post(self, request, pk):
        values = validated(SERIALIZERS[self.kind][0](data=request.data))
        external_id, position = values.pop(self.kind.id_field), values.pop("position")
        pick, _ = services.pick_work(self.kind, self.get_week(), external_id, position, **values)
        return self.answer(pick, status.HTTP_201_CREATED)


class PickView(OwnWeekView):
    problems = [*OwnWeekView.problems, "invalid_position"]

    def put(self, request, pk, position):
        values = validated(SERIALIZERS[self.kind][1](data=request.data))
        place, force = read_position(position), read_force(request)
        external_id, week = values.pop(self.kind.id_field), self.get_week()
        pick, is_new = services.pick_work(self.kind, week, external_id, place, replace=True, force=force, **values)
        return self.answer(pick, status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)

    def patch(self, request, pk, position):
        values = validated(serializers.MovePickSerializer(data=request.data))
        place = read_position(position)
        new_place = values.pop("position", place)
        return self.answer(services.move_pick(self.kind, self.get_week(), place, new_place, **values))

    def delete(self, request, pk, position):
        place, force = read_position(position), read_force(request)
        if not services.remove_pick(self.kind, self.get_week(), place, force=force):
            return self.answer(None)
        return no_content()


def describe_picks(kind: Kind):
    """The OpenAPI description of picking works of a kind."""
    pick, _, picked = SERIALIZERS[kind]
    return extend_schema_view(
        post=extend_schema(
            description=f"Pick {kind.a_name} by its {kind.id_name} for a free position of your own week.",
            request=pick,
            responses={201: picked},
            extensions={"x-problems": [*PICK, "position_occupied"]},
        ),
    )


def describe_pick(kind: Kind):
    """The OpenAPI description of a position for a kind."""
    name, (_, replace, picked) = kind.name, SERIALIZERS[kind]
    return extend_schema_view(
        put=extend_schema(
            description=f"Pick {kind.a_name} for a position of your own week, replacing the {name} there: 201 if the "
            f"position was free, otherwise 200.\n\nPicking the same {name} again only changes its `rewatch`, if you "
            "send one. A new pick does not inherit it: its `rewatch` is unknown unless you send it.",
            parameters=[serializers.ForceSerializer],
            request=replace,
            responses={200: picked, 201: picked},
            extensions={"x-problems": [*PICK, "pick_discussed", "revealed"]},
        ),
        patch=extend_schema(
            description=f"Move the {name} at a position of your own week to another position, or say whether it is a "
            f"rewatch.\n\nIf that is occupied, the two swap. Opinions stay with their {name}, and so do its "
            "`added_at` and `rewatch`; `{}` changes nothing.",
            request=serializers.MovePickSerializer,
            responses={200: picked},
            extensions={"x-problems": ["no_pick"]},
        ),
        delete=extend_schema(
            description=f"Remove the {name} at a position of your own week.",
            parameters=[serializers.ForceSerializer],
            responses={204: None},
            extensions={"x-problems": ["no_pick", "pick_discussed", "revealed"]},
        ),
    )


@describe_picks(MOVIE)
@extend_schema(tags=["weeks"], parameters=[ID])
class MoviePicksView(PicksView):
    kind = MOVIE


@describe_picks(ALBUM)
@extend_schema(tags=["weeks"], parameters=[ID])
class AlbumPicksView(PicksView):
    kind = ALBUM


@describe_pick(MOVIE)
@extend_schema(tags=["weeks"], parameters=[ID, POSITION])
class MoviePickView(PickView):
    kind = MOVIE


@describe_pick(ALBUM)
@extend_schema(tags=["weeks"], parameters=[ID, POSITION])
class AlbumPickView(PickView):
    kind = ALBUM
