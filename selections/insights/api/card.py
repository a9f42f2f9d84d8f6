"""A year in opinions as a picture, for the user, and for anyone who has the address that they share."""

import secrets
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.utils.csp import CSP
from django.utils.decorators import method_decorator
from django.views.decorators.csp import csp_override
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from accounts import limits, security
from accounts import services as accounts
from accounts.api.authentication import IsSignedIn
from accounts.api.serializers import NullableTextField
from accounts.api.views import no_content, no_store, validated
from accounts.models import digest
from selections.guards import lock_users
from selections.insights import card
from selections.models import SharedYear

from .figures import FiguresView
from .stats import YEAR, read_year

SVG = "image/svg+xml"
# For a picture that is opened as a page: it has a style sheet, and runs and loads nothing.
no_scripts = method_decorator(
    csp_override({"default-src": [CSP.NONE], "style-src": [CSP.UNSAFE_INLINE]}), name="dispatch"
)


class PartnerSerializer(serializers.Serializer):
    def get_fields(self):
        """`with` is a keyword in Python."""
        help_text = "The username of another member, for a picture of both; without it the picture is your own."
        return {"with": NullableTextField(max_length=50, default="", help_text=help_text)}


class SharedAddressSerializer(serializers.Serializer):
    url = serializers.CharField(help_text="The address of the picture, for anyone. It is shown only once.")


class PartnerView(FiguresView):
    def find_partner(self, sent: Any) -> Any:
        """The member that is named in what was sent; None without one. Raises ValidationError or NotFound."""
        name = validated(PartnerSerializer(data=sent))["with"]
        partner = self.find_user(name) if name else None
        if partner == self.request.user:
            raise ValidationError({"with": "Name another member, or leave it out."}, code="oneself")
        return partner


@no_scripts
@extend_schema(tags=["stats"])
class YearCardView(PartnerView):
    @extend_schema(
        parameters=[PartnerSerializer, YEAR],
        responses={(200, SVG): OpenApiTypes.STR},
        extensions={"x-problems": ["not_shared"]},
    )
    def get(self, request, year):
        """Your year in opinions as a picture (SVG), alone or with another member.

        It has your figures, what you rated highest, and your rating that is furthest from the average of TMDB's voters;
        with another member, who has to share this year with you and you with them, what you both rated. Opinions on
        weeks that are not over everywhere do not count.
        """
        number, partner = read_year(year), self.find_partner(request.query_params)
        shared = SharedYear.objects.allowed().filter(user=request.user, partner=partner, year=number)
        if partner and not shared.exists():
            raise PermissionDenied("You both have to share this year with each other first.", code="not_shared")
        return HttpResponse(card.draw(number, request.user, partner), content_type=SVG)


@no_store
@extend_schema(tags=["stats"])
class ShareYearView(PartnerView):
    permission_classes = [IsAuthenticated, IsSignedIn]

    @extend_schema(
        parameters=[YEAR],
        request=PartnerSerializer,
        responses={201: SharedAddressSerializer},
        extensions={"x-problems": ["permission_denied", "not_found"]},  # if the other account has just been deleted
    )
    def post(self, request, year):
        """Create an address at which anyone can see the picture of your year. The previous one stops working.

        With another member it shows both of you while you both share this year with each other, and neither is private.
        """
        number, partner = read_year(year), self.find_partner(request.data)
        secret = secrets.token_urlsafe(32)
        with transaction.atomic():
            lock_users(request.user, *([partner] if partner else []))
            key = {"key_hash": digest(secret)}
            SharedYear.objects.update_or_create(key, user=request.user, partner=partner, year=number)
        security.record("year shared", request, user_id=request.user.pk)
        url = f"{accounts.site_url(request)}{reverse('shared-year')}?token={secret}"
        return Response({"url": url}, status=status.HTTP_201_CREATED)

    @extend_schema(
        parameters=[PartnerSerializer, YEAR], responses={204: None}, extensions={"x-problems": ["permission_denied"]}
    )
    def delete(self, request, year):
        """Stop sharing: neither your address nor the other member's works any longer. 204 even if there was none."""
        number, name = read_year(year), self.read_query(PartnerSerializer)["with"].lower()
        with_them = {"partner__username": name} if name else {"partner": None}
        if request.user.shared_years.filter(year=number, **with_them).delete()[0]:
            security.record("year no longer shared", request, user_id=request.user.pk)
        return no_content()


@no_scripts
class SharedYearView(APIView):
    """For anyone: the token in the address gives access to this picture only."""

    authentication_classes = []
    permission_classes = [AllowAny]
    problems = ["nothing_shared", "too_many_attempts"]

    @extend_schema(
        tags=["stats"],
        auth=[],
        parameters=[OpenApiParameter("token", required=True, description="The token of the address.")],
        responses={(200, SVG): OpenApiTypes.STR},
    )
    def get(self, request):
        """A year in opinions that a member shares, as a picture (SVG)."""
        limits.count_attempt("shared year", request)
        key_hash = digest(request.query_params.get("token", ""))
        shared = SharedYear.objects.allowed().select_related("user", "partner").filter(key_hash=key_hash).first()
        if shared is None:
            raise NotFound("This picture is not shared, or is no longer shared.", code="nothing_shared")
        return HttpResponse(card.draw(shared.year, shared.user, shared.partner), content_type=SVG)
