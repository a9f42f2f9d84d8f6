"""The group's week, in one request."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response

from catalog.api.serializers import RowSerializer
from selections.api.serializers import (
    DiscussedAlbumSerializer,
    DiscussedMovieSerializer,
    OwnedOpinionSerializer,
    OwnerSerializer,
    WeekFullSerializer,
)
from selections.api.shown import ShownPickSerializer
from selections.insights import rounds
from selections.weeks import MONDAY, SUNDAY, WEEK_NAME, day_of, read_week_name, settled_week, this_week

PAGE = {"type": "integer", "minimum": 1}


class RoundPickSerializer(serializers.Serializer):
    # A pick of rounds.load_weeks().
    revealed = serializers.BooleanField(help_text="Whether others' opinions on it are shown to the caller.")
    opinions = OwnedOpinionSerializer(
        many=True,
        source="shown_opinions",
        help_text=f"Those that the caller may read, the latest {rounds.MAX_OPINIONS}.",
    )


class RoundMovieSerializer(RoundPickSerializer, DiscussedMovieSerializer):
    class Meta(DiscussedMovieSerializer.Meta):
        fields = [*DiscussedMovieSerializer.Meta.fields, "revealed", "opinions"]


class RoundAlbumSerializer(RoundPickSerializer, DiscussedAlbumSerializer):
    class Meta(DiscussedAlbumSerializer.Meta):
        fields = [*DiscussedAlbumSerializer.Meta.fields, "revealed", "opinions"]


class RoundWeekSerializer(WeekFullSerializer):
    movies = RoundMovieSerializer(many=True)
    albums = RoundAlbumSerializer(many=True)


class RoundMemberSerializer(RowSerializer):
    """A member and their week, if there is one."""

    user = OwnerSerializer()
    state = serializers.ChoiceField(
        rounds.STATES,
        help_text="`complete` with a movie and an album, `half` with one of them, `missing` without a week.",
    )
    week = RoundWeekSerializer(allow_null=True)


class MeanOfPickSerializer(serializers.Serializer):
    pick = ShownPickSerializer(source="*")
    n = serializers.IntegerField(help_text="Ratings.")
    mean = serializers.FloatField(help_text="Half stars.")
    spread = serializers.IntegerField(help_text="Half stars between the highest and the lowest rating.")


class ClosestSerializer(serializers.Serializer):
    user = OwnerSerializer()
    n = serializers.IntegerField(help_text="Ratings that were compared.")
    distance = serializers.FloatField(help_text="The mean distance from the mean of the others', in half stars.")


class SurpriseSerializer(serializers.Serializer):
    user = OwnerSerializer()
    pick = ShownPickSerializer(source="*")
    rating = serializers.IntegerField()
    mean_of_others = serializers.FloatField()


class ResultSerializer(serializers.Serializer):
    """Each is null if there are no such ratings; of equal ones it is the one with more ratings."""

    best = MeanOfPickSerializer(allow_null=True, help_text="The pick with the highest mean.")
    worst = MeanOfPickSerializer(allow_null=True, help_text="The pick with the lowest mean, possibly the same one.")
    widest = MeanOfPickSerializer(allow_null=True, help_text="The pick with the widest spread.")
    closest_to_group = ClosestSerializer(
        allow_null=True,
        help_text=f"The member closest to the others, over picks with at least {rounds.GROUP} ratings.",
    )
    surprise = SurpriseSerializer(
        allow_null=True, help_text=f"The rating furthest from the others, of a pick with at least {rounds.GROUP}."
    )


class LinksSerializer(serializers.Serializer):
    """Paths on this site, with the query, of all lists that have pages."""

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class RoundSerializer(serializers.Serializer):
    year = serializers.IntegerField(help_text="ISO year.")
    week_number = serializers.IntegerField(help_text="ISO week.")
    starts_on = serializers.DateField(help_text="Its Monday.")
    ends_on = serializers.DateField(help_text="Its Sunday.")
    is_over = serializers.BooleanField(help_text="Whether it is over for the caller.")
    total = serializers.IntegerField(help_text="Members, on all pages.")
    page = serializers.IntegerField()
    page_size = serializers.IntegerField()
    links = LinksSerializer()
    members = RoundMemberSerializer(many=True, help_text="The caller first, then by username.")
    result = ResultSerializer(
        allow_null=True, help_text="From the opinions shown; null until the round is over, or with several pages."
    )


@extend_schema(
    tags=["rounds"],
    parameters=[
        OpenApiParameter(
            "name",
            {"anyOf": [{"type": "string", "const": "current"}, {"type": "string", "pattern": WEEK_NAME}]},
            OpenApiParameter.PATH,
            description="An ISO week such as `2026-W07`, or `current`: that of today in your time zone.",
        ),
        OpenApiParameter("page", PAGE | {"maximum": 1_000_000_000, "default": 1}),
        OpenApiParameter("page_size", PAGE | {"maximum": 100, "default": rounds.MAX_MEMBERS}),
    ],
    responses=RoundSerializer,
)
class RoundView(GenericAPIView):
    serializer_class = RoundSerializer
    page_size = rounds.MAX_MEMBERS
    problems = ["week_not_found"]

    def get(self, request, name):
        """A calendar week of all members: their picks, who is missing, and the opinions that you may read.

        Reading it creates no weeks. It has a `result` once the week is over for you, if all members fit on one page.
        """
        user = request.user
        week = this_week(user) if name == "current" else read_week_name(name)
        if week is None:
            raise NotFound("Week not found", code="week_not_found")
        users: Any = self.paginate_queryset(rounds.list_members(user, week))  # type: ignore[arg-type]
        members = rounds.load_weeks(user, users)
        page = self.get_paginated_response(RoundMemberSerializer(members, many=True).data).data
        is_over = week < settled_week(user)
        has_result = is_over and len(members) == page["total"]
        head = {
            "year": week[0],
            "week_number": week[1],
            "starts_on": day_of(week, MONDAY),
            "ends_on": day_of(week, SUNDAY),
            "is_over": is_over,
            "members": page.pop("results"),
            "result": ResultSerializer(rounds.result_of(members)).data if has_result else None,
        }
        return Response(head | page)
