"""Shortlists and challenges."""

from typing import Any

import django_filters
from django.db.models import Q
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.mixins import ListModelMixin
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from selections.api.addresses import find_week
from selections.api.filters import find_member, words
from selections.kinds import KINDS
from selections.models import Challenge, ShortlistItem
from selections.planning import services
from selections.plans import ChallengeQuerySet, ShortlistQuerySet
from selections.services import answer_challenge

from . import serializers


def refuse_private(user) -> None:
    """Raise PermissionDenied if others may not see who proposes something to them."""
    if user.visibility == "private":
        raise PermissionDenied("Private members cannot propose titles to others.", code="private_member")


def read(serializer_class, request) -> dict[str, Any]:
    """The body of a request. Raises ValidationError."""
    asked = serializer_class(data=request.data)
    asked.is_valid(raise_exception=True)
    return asked.validated_data


class OfKindFilter(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(
        choices=[(name, name) for name in KINDS],
        method="of_kind",
        error_messages={"invalid_choice": "Enter movie or album."},
        help_text="Only movies, or only albums.",
    )

    def of_kind(self, plans, name, value):
        return plans.filter(**{f"{value}__isnull": False})


class ShortlistFilter(OfKindFilter):
    owner = words(50, "A username; without it, or with `me`, your own shortlist.", method="of_owner")

    class Meta:
        model = ShortlistItem
        fields = ["owner", "kind"]

    def filter_queryset(self, queryset):
        if not self.form.cleaned_data["owner"]:
            queryset = queryset.filter(user=self.request.user)
        return super().filter_queryset(queryset)

    def of_owner(self, items: ShortlistQuerySet, name, value):
        return items.filter(user=find_member(value, self.request.user, "owner"))


class ChallengeFilter(OfKindFilter):
    by = django_filters.ChoiceFilter(
        choices=[("me", "me"), ("others", "others")],
        method="made_by",
        error_messages={"invalid_choice": "Enter me or others."},
        help_text="`me`: those that you made; `others`: those that you were given.",
    )
    state = django_filters.ChoiceFilter(
        choices=Challenge.State.choices,
        error_messages={"invalid_choice": "Enter pending, accepted or declined."},
        help_text="Whether and how it was answered.",
    )

    class Meta:
        model = Challenge
        fields = ["by", "state", "kind"]

    def made_by(self, challenges: ChallengeQuerySet, name, value):
        own = Q(challenger=self.request.user)
        return challenges.filter(own if value == "me" else ~own)


@extend_schema(tags=["shortlist"])
class ShortlistViewSet(ListModelMixin, GenericViewSet):
    """Movies and albums that members mean to pick.

    Members see each other's shortlists, except those of private members. A title leaves it when its owner picks it.
    """

    queryset = ShortlistItem.objects.all()
    serializer_class = serializers.ShortlistItemSerializer
    filter_backends = [DjangoFilterBackend]
    filterset_class = ShortlistFilter
    lookup_value_converter = "int"

    def get_queryset(self) -> ShortlistQuerySet:
        return ShortlistItem.objects.visible_to(self.request.user).for_list(self.request.user)

    def get_object(self) -> ShortlistItem:
        item = self.get_queryset().filter(pk=self.kwargs["pk"]).first()
        if item is None:
            raise NotFound("Not on a shortlist", code="item_not_found")
        return item

    def get_own(self) -> ShortlistItem:
        """The item of the address. Raises NotFound, or PermissionDenied if it is another member's."""
        item = self.get_object()
        if item.user_id != self.request.user.pk:
            raise PermissionDenied("Only the owner can change this shortlist", code="not_owner")
        return item

    def answer(self, pk: int, status_code: int = status.HTTP_200_OK) -> Response:
        self.kwargs["pk"] = pk
        return Response(self.get_serializer(self.get_object()).data, status=status_code)

    def list(self, request, *args, **kwargs):
        """Your shortlist, or another member's, the newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(
        request=serializers.ProposalSerializer,
        responses={
            201: serializers.ShortlistItemSerializer,
            403: OpenApiResponse(description="A private member cannot suggest titles to others"),
            409: OpenApiResponse(description="It is on the shortlist, in any edition; or the shortlist is full"),
        },
    )
    def create(self, request):
        """Put a movie or album on your shortlist, or suggest it to another member."""
        asked = read(serializers.ProposalSerializer, request)
        owner = find_member(asked.get("for") or "me", request.user, "for")
        if owner != request.user:
            refuse_private(request.user)
        work = services.get_work(asked["kind"], asked["external_id"])
        item = services.add_to_shortlist(owner, work, note=asked["note"], by=request.user)
        return self.answer(item.pk, status.HTTP_201_CREATED)

    @extend_schema(request=serializers.ChangeShortlistItemSerializer)
    def partial_update(self, request, pk):
        """Change the note of a title on your shortlist; `{}` changes nothing."""
        asked = read(serializers.ChangeShortlistItemSerializer, request)
        item = self.get_own()
        if asked:
            services.change_note(item, asked["note"])
        return self.answer(item.pk)

    def destroy(self, request, pk):
        """Take a title off your shortlist, with the votes for it."""
        services.remove_from_shortlist(self.get_own())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        request=None,
        responses={
            200: serializers.ShortlistItemSerializer,
            409: OpenApiResponse(description="It is on your own shortlist (`own_item`)"),
        },
    )
    @action(detail=True, methods=["put"])
    def vote(self, request, pk):
        """Vote for a title on another member's shortlist. Voting again changes nothing."""
        item = self.get_object()
        services.vote(request.user, item)
        return self.answer(item.pk)

    @extend_schema(responses={204: None})
    @vote.mapping.delete
    def withdraw_vote(self, request, pk):
        """Take back your vote; without one nothing changes."""
        services.withdraw_vote(request.user, self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        request=serializers.AskDrawSerializer,
        responses={
            200: serializers.DrawSerializer,
            404: OpenApiResponse(description="There is nothing to draw (`nothing_to_draw`)"),
        },
    )
    @action(detail=False, methods=["post"], filterset_class=None)
    def draw(self, request):
        """Let chance choose from your shortlist: each title with the weight 1 + its votes, and never one that you have
        picked before, in any edition. Nothing is stored."""
        kind = KINDS[read(serializers.AskDrawSerializer, request)["kind"]]
        drawn = services.draw(request.user, kind)
        if drawn is None:
            sentence = f"There is no {kind.name} on your shortlist that you have not picked before. Add one first."
            raise NotFound(sentence, code="nothing_to_draw")
        return Response(serializers.DrawSerializer(drawn).data)


@extend_schema(tags=["challenges"])
class ChallengeViewSet(ListModelMixin, GenericViewSet):
    """Titles that members propose for each other's weeks; seen by the two of them only."""

    queryset = Challenge.objects.all()
    serializer_class = serializers.ChallengeSerializer
    filter_backends = [DjangoFilterBackend]
    filterset_class = ChallengeFilter
    lookup_value_converter = "int"

    def get_queryset(self) -> ChallengeQuerySet:
        return Challenge.objects.visible_to(self.request.user).for_list()

    def get_object(self) -> Challenge:
        challenge = self.get_queryset().filter(pk=self.kwargs["pk"]).first()
        if challenge is None:
            raise NotFound("Challenge not found", code="challenge_not_found")
        return challenge

    def get_own(self) -> Challenge:
        """The challenge of the address. Raises NotFound, or PermissionDenied if it is not the caller's to answer."""
        challenge = self.get_object()
        if challenge.member_id != self.request.user.pk:
            raise PermissionDenied("Only the challenged member can answer this", code="not_challenged")
        return challenge

    def answer(self, pk: int, status_code: int = status.HTTP_200_OK) -> Response:
        self.kwargs["pk"] = pk
        return Response(self.get_serializer(self.get_object()).data, status=status_code)

    def list(self, request, *args, **kwargs):
        """The challenges that you made or were given, the newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(
        request=serializers.ProposeChallengeSerializer,
        responses={
            201: serializers.ChallengeSerializer,
            403: OpenApiResponse(description="A private member cannot challenge others"),
            409: OpenApiResponse(description="The same challenge, or too many, wait for an answer"),
        },
    )
    def create(self, request):
        """Propose a movie or album for a week of another member."""
        asked = read(serializers.ProposeChallengeSerializer, request)
        member = find_member(asked["for"], request.user, "for")
        if member == request.user:
            raise ValidationError({"for": "Challenge another member."}, code="oneself")
        refuse_private(request.user)
        work = services.get_work(asked["kind"], asked["external_id"])
        challenge = services.challenge_member(request.user, member, work, note=asked["note"])
        return self.answer(challenge.pk, status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.AcceptChallengeSerializer,
        responses={
            200: serializers.ChallengeSerializer,
            409: OpenApiResponse(
                description="It is answered already (`challenge_answered`), or cannot be picked there, as in a pick"
            ),
        },
    )
    @action(detail=True, methods=["post"])
    def accept(self, request, pk):
        """Accept a challenge: it becomes a pick of the week that you choose."""
        asked = read(serializers.AcceptChallengeSerializer, request)
        challenge = self.get_own()
        week = find_week(asked["week"], request.user)
        if week.user_id != request.user.pk:
            raise PermissionDenied("Only the owner can modify this week", code="permission_denied")
        services.accept_challenge(challenge, week, asked["position"])
        return self.answer(challenge.pk)

    @extend_schema(
        request=None,
        responses={
            200: serializers.ChallengeSerializer,
            409: OpenApiResponse(description="It is answered already (`challenge_answered`)"),
        },
    )
    @action(detail=True, methods=["post"])
    def decline(self, request, pk):
        """Decline a challenge."""
        challenge = self.get_own()
        answer_challenge(challenge, Challenge.State.DECLINED)
        return self.answer(challenge.pk)
