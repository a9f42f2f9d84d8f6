"""Your own opinion on a pick, and those opinions of others that you may read."""

from collections.abc import Callable
from typing import Any

from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.response import Response

from accounts.api.views import no_content, validated
from catalog.api.views import read_musicbrainz_id, read_tmdb_id
from catalog.fetching import find_known
from selections import reads
from selections.api.addresses import ID, POSITION, find_week, read_position
from selections.api.filters import OpinionFilter
from selections.api.serializers import OpinionSerializer
from selections.kinds import ALBUM, MOVIE, Kind
from selections.models import AnyPick, Opinion
from selections.opinions import feed, services

from . import serializers


class NoOpinion(NotFound):
    default_detail = "You have no opinion on this yet"
    default_code = "no_opinion"


class OfPickView(GenericAPIView):
    """About one pick of a week that the caller may see."""

    problems = ["week_not_found", "invalid_position", "no_pick"]
    kind: Kind

    def get_pick(self) -> AnyPick:
        """The pick of the address. Raises ParseError or NotFound."""
        position = read_position(self.kwargs["position"])
        user: Any = self.request.user
        week = find_week(self.kwargs["pk"], user)
        pick = reads.picks_by_position(self.kind, week, user.pk).get(position)
        if pick is None:
            raise NotFound(f"No {self.kind.name} found at position {position}", code="no_pick")
        return pick

    def get_opinion(self) -> Opinion:
        """The caller's own. Raises ParseError or NotFound."""
        if opinion := self.get_pick().my_opinion:
            return opinion
        raise NoOpinion


class OpinionView(OfPickView):
    serializer_class = serializers.GiveOpinionSerializer

    @extend_schema(responses={200: OpinionSerializer}, extensions={"x-problems": ["no_opinion"]})
    def get(self, request, pk, position):
        """Your own opinion on a pick."""
        return Response(OpinionSerializer(self.get_opinion()).data)

    @extend_schema(
        responses={200: OpinionSerializer, 201: OpinionSerializer},
        extensions={"x-problems": ["not_found"]},  # if the pick is removed at the same time
    )
    def put(self, request, pk, position):
        """Rate or review a pick, yours or another member's, replacing your earlier opinion.

        A rating that changes, or is added, is kept in the history.
        """
        values = validated(self.get_serializer(data=request.data))
        opinion, is_new = services.give_opinion(request.user, self.get_pick(), **values)
        return Response(
            OpinionSerializer(opinion).data,
            status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK,
        )

    @extend_schema(responses={204: None}, extensions={"x-problems": ["no_opinion", "revealed"]})
    def delete(self, request, pk, position):
        """Delete your opinion on a pick, with its history.

        An opinion that has revealed others' on the same pick can be deleted once the week is over, and changed until
        then.
        """
        if not services.delete_opinion(request.user, self.get_pick()):
            raise NoOpinion
        return no_content()


class OpinionHistoryView(OfPickView, ListAPIView):
    """Your own earlier ratings of a pick, the latest first; `null` if there was only a review."""

    problems = [*OfPickView.problems, "no_opinion"]
    serializer_class = serializers.EarlierRatingSerializer

    def get_queryset(self):
        return self.get_opinion().earlier_ratings.all()


@extend_schema(tags=["movies"], parameters=[ID, POSITION])
class MovieOpinionView(OpinionView):
    kind = MOVIE


@extend_schema(tags=["movies"], parameters=[ID, POSITION])
class MovieOpinionHistoryView(OpinionHistoryView):
    kind = MOVIE


@extend_schema(tags=["albums"], parameters=[ID, POSITION])
class AlbumOpinionView(OpinionView):
    kind = ALBUM


@extend_schema(tags=["albums"], parameters=[ID, POSITION])
class AlbumOpinionHistoryView(OpinionHistoryView):
    kind = ALBUM


@extend_schema(tags=["opinions"])
class OpinionListView(ListAPIView):
    """Opinions, the newest first: your own, and those of others that are revealed to you.

    An opinion is revealed once you have given your own on the same pick, or once the week is over in the time zones of
    both you and its owner. For seven days after a user changes their time zone, a week is over for them only once it is
    over everywhere.
    """

    queryset = Opinion.objects.all()
    serializer_class = serializers.FeedSerializer
    filter_backends = [DjangoFilterBackend]
    filterset_class = OpinionFilter

    def filter_queryset(self, queryset) -> Any:
        user = self.request.user
        if self.request.query_params.keys() <= {"page", "page_size"}:
            return feed.list_opinions(user)
        opinions: Any = super().filter_queryset(queryset)
        return feed.list_filtered(opinions, user)


@extend_schema(tags=["weeks"], parameters=[ID])
class WeekOpinionsView(ListAPIView):
    """The opinions on a week's picks that you may read, the newest first."""

    problems = ["week_not_found"]
    serializer_class = serializers.FeedSerializer

    def get_queryset(self) -> Any:
        return feed.list_on_week(self.request.user, find_week(self.kwargs["pk"], self.request.user))


class SelectionsOfWorkView(ListAPIView):
    """The picks of a movie or album by all users, with the opinions on it that you may read."""

    serializer_class = serializers.DiscussedSelectionSerializer
    kind: Kind
    read_id: Callable[[str], Any]  # from the address

    def get_queryset(self):
        user, work = self.request.user, find_known(self.kind.works, self.read_id(self.kwargs[self.kind.id_field]))
        if work is None:
            raise NotFound(f"{self.kind.name.capitalize()} not found")
        picks = self.kind.picks._default_manager.of_work(work)
        return picks.visible_to(user).latest_first().with_shown_opinions(user)


@extend_schema_view(get=extend_schema(operation_id="movies_picks_list"))
@extend_schema(tags=["movies"], parameters=[OpenApiParameter("tmdb_id", OpenApiTypes.INT, OpenApiParameter.PATH)])
class SelectionsOfMovieView(SelectionsOfWorkView):
    """All picks of a movie, with the opinions on it that you may read."""

    kind, read_id = MOVIE, staticmethod(read_tmdb_id)


@extend_schema_view(get=extend_schema(operation_id="albums_picks_list"))
@extend_schema(
    tags=["albums"], parameters=[OpenApiParameter("musicbrainz_id", OpenApiTypes.UUID, OpenApiParameter.PATH)]
)
class SelectionsOfAlbumView(SelectionsOfWorkView):
    """All picks of an album in any edition, with the opinions on it that you may read."""

    kind, read_id = ALBUM, staticmethod(read_musicbrainz_id)
