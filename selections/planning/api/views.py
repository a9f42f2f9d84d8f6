"""Shortlists and challenges."""

from typing import Any

import django_filters
from django.db.models import Q
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.mixins import ListModelMixin
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.api.views import no_content, validated
from selections.api.addresses import find_week
from selections.api.filters import choice, find_member, words
from selections.kinds import KINDS
from selections.models import Challenge, ShortlistItem
from selections.models.plans import ChallengeQuerySet, PlanQuerySet, ShortlistQuerySet
from selections.planning import services
from selections.services import answer_challenge, get_work

from . import serializers

# Codes of problems with proposing a title, with answering a challenge, and with picking what it proposes.
PROPOSE = ["not_found", "private_member", "just_merged", "upstream_busy", "upstream_unavailable"]
ANSWER = ["challenge_not_found", "not_challenged", "challenge_answered"]
PICK = ["week_not_found", "permission_denied", "position_occupied", "already_picked", "just_merged"]


def refuse_private(user) -> None:
    """Raise PermissionDenied if others may not see who proposes something to them."""
    if user.visibility == "private":
        raise PermissionDenied("Private members cannot propose titles to others.", code="private_member")


def find_receiver(name: str, user) -> Any:
    """The member to whom the user proposes something. Raises ValidationError."""
    member = find_member(name, user, "for")
    if not member.is_active:
        raise ValidationError({"for": "The account of this member is disabled."}, code="disabled_member")
    return member


class PlanFilter(django_filters.FilterSet):
    kind = choice(list(KINDS), method="of_kind", help_text="Only movies, or only albums.")

    def of_kind(self, plans: PlanQuerySet, name, value):
        return plans.on_kind(value)


class ShortlistFilter(PlanFilter):
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


class ChallengeFilter(PlanFilter):
    by = choice(
        ["me", "others"],
        method="made_by",
        help_text="`me`: those that you made; `others`: those that you were given.",
    )
    state = choice(Challenge.State.values, help_text="Whether and how it was answered.")

    class Meta:
        model = Challenge
        fields = ["by", "state", "kind"]

    def made_by(self, challenges: ChallengeQuerySet, name, value):
        own = Q(challenger=self.request.user)
        return challenges.filter(own if value == "me" else ~own)


class PlanViewSet(ListModelMixin, GenericViewSet):
    queryset: PlanQuerySet
    filter_backends = [DjangoFilterBackend]
    lookup_value_converter = "int"
    absent: tuple[str, str]  # the sentence and the code if there is no such plan
    owner: str  # the field of the user who may change or answer it
    not_yours: tuple[str, str]  # the sentence and the code for others

    def handle_exception(self, exc):
        if isinstance(exc, self.queryset.model.DoesNotExist):  # another request has just removed it
            exc = NotFound(*self.absent)
        return super().handle_exception(exc)

    def get_object(self) -> Any:
        plan = self.get_queryset().filter(pk=self.kwargs["pk"]).first()
        if plan is None:
            raise NotFound(*self.absent)
        return plan

    def get_own(self) -> Any:
        """The plan of the address. Raises NotFound, or PermissionDenied if it is another member's."""
        plan = self.get_object()
        if getattr(plan, f"{self.owner}_id") != self.request.user.pk:
            raise PermissionDenied(*self.not_yours)
        return plan

    def answer(self, pk: int, status_code: int = status.HTTP_200_OK) -> Response:
        self.kwargs["pk"] = pk
        return Response(self.get_serializer(self.get_object()).data, status=status_code)


@extend_schema(tags=["shortlist"])
class ShortlistViewSet(PlanViewSet):
    """Movies and albums that members mean to pick.

    Members see each other's shortlists, except those of private members. A title leaves it when its owner picks it.
    """

    queryset = ShortlistItem.objects.all()
    serializer_class = serializers.ShortlistItemSerializer
    filterset_class = ShortlistFilter
    absent = "Not on a shortlist", "item_not_found"
    owner, not_yours = "user", ("Only the owner can change this shortlist", "not_owner")

    def get_queryset(self) -> ShortlistQuerySet:
        return ShortlistItem.objects.visible_to(self.request.user).for_list(self.request.user)

    def list(self, request, *args, **kwargs):
        """Your shortlist, or another member's, the newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(
        request=serializers.ProposalSerializer,
        responses={201: serializers.ShortlistItemSerializer},
        extensions={
            "x-problems": [*PROPOSE, "already_on_shortlist", "shortlist_full", "item_not_found"]
        },  # just removed
    )
    def create(self, request):
        """Put a movie or album on your shortlist, or suggest it to another member."""
        asked = validated(serializers.ProposalSerializer(data=request.data))
        owner = find_receiver(asked.get("for") or "me", request.user)
        if owner != request.user:
            refuse_private(request.user)
        work = get_work(asked["kind"], asked["external_id"])
        item = services.add_to_shortlist(owner, work, note=asked["note"], by=request.user)
        return self.answer(item.pk, status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.ChangeShortlistItemSerializer, extensions={"x-problems": ["item_not_found", "not_owner"]}
    )
    def partial_update(self, request, pk):
        """Change the note of a title on your shortlist; `{}` changes nothing."""
        asked = validated(serializers.ChangeShortlistItemSerializer(data=request.data))
        item = self.get_own()
        if asked:
            services.change_note(item, asked["note"])
        return self.answer(item.pk)

    @extend_schema(responses={204: None}, extensions={"x-problems": ["item_not_found", "not_owner"]})
    def destroy(self, request, pk):
        """Take a title off your shortlist, with the votes for it."""
        services.remove_from_shortlist(self.get_own())
        return no_content()

    @extend_schema(
        request=None,
        responses=serializers.ShortlistItemSerializer,
        extensions={"x-problems": ["item_not_found", "own_item"]},
    )
    @action(detail=True, methods=["put"])
    def vote(self, request, pk):
        """Vote for a title on another member's shortlist. Voting again changes nothing."""
        item = self.get_object()
        services.vote(request.user, item)
        return self.answer(item.pk)

    @extend_schema(responses={204: None}, extensions={"x-problems": ["item_not_found"]})
    @vote.mapping.delete
    def withdraw_vote(self, request, pk):
        """Withdraw your vote. If there is none, nothing changes."""
        services.withdraw_vote(request.user, self.get_object())
        return no_content()

    @extend_schema(
        request=serializers.AskDrawSerializer,
        responses=serializers.DrawSerializer,
        extensions={"x-problems": ["nothing_to_draw"]},
    )
    @action(detail=False, methods=["post"], filterset_class=None)
    def draw(self, request):
        """Draw a title from your shortlist at random, each with the weight 1 + its votes. Titles that you have picked
        before, in any edition, are never drawn. Nothing is stored."""
        kind = KINDS[validated(serializers.AskDrawSerializer(data=request.data))["kind"]]
        drawn = services.draw(request.user, kind)
        if drawn is None:
            sentence = f"There is no {kind.name} on your shortlist that you have not picked before. Add one first."
            raise NotFound(sentence, code="nothing_to_draw")
        return Response(serializers.DrawSerializer(drawn).data)


@extend_schema(tags=["challenges"])
class ChallengeViewSet(PlanViewSet):
    """Titles that members propose for each other's weeks; seen by the two of them only."""

    queryset = Challenge.objects.all()
    serializer_class = serializers.ChallengeSerializer
    filterset_class = ChallengeFilter
    absent = "Challenge not found", "challenge_not_found"
    owner, not_yours = "member", ("Only the challenged member can answer this", "not_challenged")

    def get_queryset(self) -> ChallengeQuerySet:
        return Challenge.objects.visible_to(self.request.user).for_list()

    def list(self, request, *args, **kwargs):
        """The challenges that you made or were given, the newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(
        request=serializers.ProposeChallengeSerializer,
        responses={201: serializers.ChallengeSerializer},
        extensions={"x-problems": [*PROPOSE, "already_proposed", "too_many_pending", "challenge_not_found"]},
    )
    def create(self, request):
        """Propose a movie or album for a week of another member."""
        asked = validated(serializers.ProposeChallengeSerializer(data=request.data))
        member = find_receiver(asked["for"], request.user)
        if member == request.user:
            raise ValidationError({"for": "Challenge another member."}, code="oneself")
        refuse_private(request.user)
        work = get_work(asked["kind"], asked["external_id"])
        challenge = services.challenge_member(request.user, member, work, note=asked["note"])
        return self.answer(challenge.pk, status.HTTP_201_CREATED)

    @extend_schema(
        responses={204: None}, extensions={"x-problems": ["challenge_not_found", "not_owner", "challenge_answered"]}
    )
    def destroy(self, request, pk):
        """Withdraw a challenge that you made, as long as it has not been answered."""
        challenge = self.get_object()
        if challenge.challenger_id != request.user.pk:
            raise PermissionDenied("Only the challenger can withdraw this", "not_owner")
        services.withdraw_challenge(challenge)
        return no_content()

    @extend_schema(
        request=serializers.AcceptChallengeSerializer,
        responses=serializers.ChallengeSerializer,
        extensions={"x-problems": [*ANSWER, *PICK]},
    )
    @action(detail=True, methods=["post"])
    def accept(self, request, pk):
        """Accept a challenge: it becomes a pick of the week that you choose."""
        asked = validated(serializers.AcceptChallengeSerializer(data=request.data))
        challenge = self.get_own()
        week = find_week(asked["week"], request.user)
        if week.user_id != request.user.pk:
            raise PermissionDenied("Only the owner can modify this week", code="permission_denied")
        services.accept_challenge(challenge, week, asked["position"])
        return self.answer(challenge.pk)

    @extend_schema(
        request=None,
        responses=serializers.ChallengeSerializer,
        extensions={"x-problems": ANSWER},
    )
    @action(detail=True, methods=["post"])
    def decline(self, request, pk):
        """Decline a challenge."""
        challenge = self.get_own()
        answer_challenge(challenge, Challenge.State.DECLINED)
        return self.answer(challenge.pk)
