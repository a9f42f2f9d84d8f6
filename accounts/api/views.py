from typing import cast

from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.db import IntegrityError
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import GenericAPIView, RetrieveAPIView
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet
from rest_framework_simplejwt.tokens import RefreshToken, UntypedToken

from accounts import limits, security, services, sessions
from accounts.models import Session, User

from . import serializers
from .authentication import (
    UNREADABLE,
    InactiveAccount,
    InvalidCredentials,
    IsSignedIn,
    end_of,
    pair_of,
    read_token,
    sign_in,
)

WRONG_PASSWORD = OpenApiResponse(
    description="Wrong password (`wrong_password`), or the account is disabled, or this is not the caller's to change"
)
no_store = method_decorator(cache_control(no_store=True), name="dispatch")


@no_store
class PublicView(GenericAPIView):
    """A view for those who are not signed in (yet): it ignores an Authorization header."""

    authentication_classes = []
    permission_classes = [AllowAny]

    def read(self, request) -> dict:
        """What was sent, checked. Raises ValidationError."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data


@extend_schema(tags=["auth"], auth=[], extensions={"x-limited": True})
class RegisterView(PublicView):
    serializer_class = serializers.RegisterSerializer

    @extend_schema(
        responses={
            201: serializers.UserSerializer,
            403: OpenApiResponse(description="Registration is closed, and there is no good invitation"),
            409: OpenApiResponse(description="The username or the e-mail address is taken, or the invitation used"),
        }
    )
    def post(self, request):
        """Create an account. The username is stored in lower case. An invitation opens a closed registration, once."""
        limits.count_attempt("register", request)
        services.refuse_uninvited(request.data.get("invitation"))
        asked = self.read(request)
        user = services.register(**asked)
        security.record("account registered", request, user_id=user.pk)
        if asked["invitation"]:
            security.record("invitation used", request, user_id=user.pk)
        return Response(serializers.UserSerializer(user).data, status=status.HTTP_201_CREATED)


@extend_schema(tags=["auth"], auth=[], extensions={"x-limited": True})
class LoginView(PublicView):
    serializer_class = serializers.LoginSerializer

    @extend_schema(
        responses={
            200: serializers.TokenPairSerializer,
            401: OpenApiResponse(description="Wrong password or no such user: which, is not told"),
            403: OpenApiResponse(description="The account is disabled"),
        }
    )
    def post(self, request):
        """Sign in with a username or an e-mail address, in any letter case."""
        with limits.guess("login", request, limits.account_of(request.data.get("username"))):
            user = authenticate(request, **self.read(request))
            if not isinstance(user, User):
                raise InvalidCredentials("Invalid username or password")
        if not user.is_active:
            raise InactiveAccount
        try:
            user_logged_in.send(sender=User, request=request, user=user)
        except (User.NotUpdated, IntegrityError):  # the account has just been deleted
            raise InvalidCredentials("Invalid username or password") from None
        return Response(sign_in(user, request.headers.get("User-Agent", "")))


@extend_schema(tags=["auth"], auth=[], extensions={"x-limited": True})
class RefreshView(PublicView):
    serializer_class = serializers.RefreshSerializer

    @extend_schema(
        responses={
            200: serializers.TokenPairSerializer,
            401: OpenApiResponse(description="Spent, expired or revoked; the account is gone or disabled"),
        }
    )
    def post(self, request):
        """Trade a refresh token for a new pair. It is spent by that: of simultaneous uses one wins.

        A spent token that is used again more than 10 seconds after the last renewal ends its session.
        """
        limits.count_attempt("refresh", request, self.account(request))
        token, session = read_token(RefreshToken, self.read(request)["refresh_token"])
        if not session.user.is_active:
            raise InvalidCredentials
        spent_id, refresh = str(token["jti"]), RefreshToken()
        if not sessions.renew(session, spent_id=spent_id, refresh_id=refresh["jti"], expires_at=end_of(refresh)):
            if sessions.end_reused(session, spent_id=spent_id):
                security.record("session ended: spent refresh token used again", request, user_id=session.user_id)
            raise InvalidCredentials
        return Response(pair_of(session, refresh))

    @staticmethod
    def account(request) -> limits.Account | None:
        try:
            return limits.account_id(int(UntypedToken(request.data["refresh_token"])["sub"]))
        except UNREADABLE:
            return None


@extend_schema(tags=["auth"], auth=[])
class LogoutView(PublicView):
    serializer_class = serializers.RefreshSerializer

    @extend_schema(responses={204: None})
    def post(self, request):
        """Sign out: the session of this refresh token ends, with all its tokens. Any other token is a 204, too."""
        raw = self.read(request)["refresh_token"]
        try:
            _, session = read_token(RefreshToken, raw)
        except InvalidCredentials:
            return Response(status=status.HTTP_204_NO_CONTENT)
        session.delete()
        security.record("signed out", request, user_id=session.user_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(tags=["auth"])
class MeView(RetrieveAPIView):
    """The account that is signed in."""

    serializer_class = serializers.UserSerializer

    def get_object(self):
        return self.request.user


@extend_schema(tags=["auth"], extensions={"x-limited": True})
class PasswordView(GenericAPIView):
    permission_classes = [IsAuthenticated, IsSignedIn]
    serializer_class = serializers.ChangePasswordSerializer

    @extend_schema(responses={204: None, 409: OpenApiResponse(description="The password was changed at the same time")})
    def post(self, request):
        """Change your password. Every token from before is refused from now on, also API tokens."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        services.change_password(request.user, serializer.validated_data["new_password"])
        security.record("password changed", request, user_id=request.user.pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(tags=["auth"], auth=[], extensions={"x-limited": True})
class PasswordResetView(PublicView):
    serializer_class = serializers.PasswordResetSerializer

    @extend_schema(responses={202: serializers.SentSerializer})
    def post(self, request):
        """Have a link sent that lets one choose a new password. Whether anybody has that address, is not told."""
        email = self.read(request)["email"]  # first, as a name that is no address would tell whose it is
        limits.count_attempt("reset", request, limits.account_of(email))
        services.send_password_reset(email, request)
        sentence = "If there is an account with that address, a link is on its way to it"
        return Response({"detail": sentence}, status=status.HTTP_202_ACCEPTED)


@extend_schema(tags=["auth"], auth=[], extensions={"x-limited": True})
class ConfirmPasswordResetView(PublicView):
    serializer_class = serializers.ConfirmPasswordResetSerializer

    @extend_schema(responses={204: None, 403: OpenApiResponse(description="The link is not good, or not any more")})
    def post(self, request):
        """Choose a new password with what a link holds, which is good once. Every token from before is refused."""
        limits.count_attempt("reset link", request)
        asked = self.read(request)
        # The link first: whether a password is like somebody's name or address tells what those are.
        user = services.check_reset_link(asked["uid"], asked["token"])
        serializers.check_password(asked["new_password"], user, "new_password")
        services.reset_password(**asked)
        security.record("password reset", request, user_id=user.pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(tags=["auth"])
class SessionViewSet(ListModelMixin, GenericViewSet):
    """Your sessions: where you are signed in, as each client names itself."""

    serializer_class = serializers.SessionSerializer
    permission_classes = [IsAuthenticated, IsSignedIn]

    def get_queryset(self):
        return Session.objects.open_for(cast("User", self.request.user))

    def list(self, request, *args, **kwargs):
        """Your sessions, the one that was used last first. Use is noted at sign-in and at each refresh."""
        return super().list(request, *args, **kwargs)

    @extend_schema(parameters=[OpenApiParameter("id", OpenApiTypes.INT, OpenApiParameter.PATH)], responses={204: None})
    def destroy(self, request, pk):
        """End a session: its access and refresh tokens are refused from now on."""
        self.end(self.get_queryset().filter(pk=self.get_object().pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(operation_id="auth_sessions_destroy_others", responses={204: None})
    def destroy_others(self, request):
        """End all your sessions but this one."""
        self.end(request.user.sessions.exclude(pk=request.auth.pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def end(self, found) -> None:
        count, _ = found.delete()
        security.record(f"sessions ended: {count}", self.request, user_id=self.request.user.pk)


def check_own_password(request, password: str) -> None:
    """Raise PermissionDenied where this is not the caller's password; attempts are limited."""
    with limits.guess("own password", request, limits.account_id(request.user.pk)):
        if not request.user.check_password(password):
            raise PermissionDenied("That is not your password", code="wrong_password")


NUMBER = "[0-9]{1,18}"  # whatever else stands there is not found
ID = OpenApiParameter("id", OpenApiTypes.INT, OpenApiParameter.PATH)


@no_store
@extend_schema(tags=["auth"])
class ApiTokenViewSet(ListModelMixin, GenericViewSet):
    """API tokens for scripts and widgets, sent as `Authorization: Bearer wo_…` like access tokens.

    They read, or do all that their owner may with weeks and picks; the account itself they leave alone.
    """

    serializer_class = serializers.ApiTokenSerializer
    permission_classes = [IsAuthenticated, IsSignedIn]
    lookup_value_regex = NUMBER

    def get_queryset(self):
        return cast("User", self.request.user).api_tokens.all()

    def list(self, request, *args, **kwargs):
        """One's own API tokens, the newest first; the secrets are not among what is told."""
        return super().list(request, *args, **kwargs)

    @extend_schema(
        request=serializers.CreateApiTokenSerializer,
        responses={201: serializers.NewApiTokenSerializer, 403: WRONG_PASSWORD},
        extensions={"x-limited": True},
    )
    def create(self, request):
        """Make an API token, with your password. Its secret is in this answer only."""
        asked = serializers.CreateApiTokenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        check_own_password(request, asked.validated_data.pop("current_password"))
        token, secret = services.create_token(request.user, **asked.validated_data)
        security.record(f"API token {token.pk} created", request, user_id=request.user.pk)
        shown = serializers.ApiTokenSerializer(token).data | {"token": secret}
        return Response(shown, status=status.HTTP_201_CREATED)

    @extend_schema(parameters=[ID], responses={204: None})
    def destroy(self, request, pk):
        """Revoke an API token: it is refused from now on."""
        self.get_object().delete()
        security.record(f"API token {pk} revoked", request, user_id=request.user.pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(tags=["users"])
class UserViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet):
    """People, as far as the caller may see them; one changes and deletes only oneself."""

    serializer_class = serializers.ProfileSerializer
    lookup_value_regex = NUMBER

    def get_permissions(self):
        changes = self.action not in {"list", "retrieve", None}  # None: of no method that is known here
        return [IsAuthenticated(), IsSignedIn()] if changes else [IsAuthenticated()]

    def get_queryset(self):
        return User.objects.visible_to(self.request.user).with_counts().order_by("username")

    def get_self(self, verb: str) -> User:
        """The caller, if the address says so. Raises Http404 or PermissionDenied."""
        user = self.get_object()
        if user != self.request.user:
            raise PermissionDenied(f"Only the owner can {verb} this account", code="not_owner")
        return user

    @extend_schema(parameters=[serializers.SearchSerializer])
    def list(self, request):
        """People by username, with how many weeks they have."""
        asked = serializers.SearchSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = self.get_queryset().named_like(asked.validated_data["search"])
        page = self.paginate_queryset(found)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(parameters=[ID])
    def retrieve(self, request, *args, **kwargs):
        """A person."""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(
        parameters=[ID],
        request=serializers.ChangeProfileSerializer,
        responses={
            200: serializers.UserSerializer,
            403: WRONG_PASSWORD,
            409: OpenApiResponse(description="The email address is taken"),
        },
        extensions={"x-limited": True},
    )
    def partial_update(self, request, pk):
        """Change your email address, display name, time zone or visibility; `{}` changes nothing.

        A new email address takes your password, and is `pending_email` until the link in a mail to it is followed.
        """
        asked = serializers.ChangeProfileSerializer(data=request.data, context={"request": request})
        asked.is_valid(raise_exception=True)
        user = self.get_self("modify")
        values, visibility = asked.validated_data, user.visibility
        password, email = values.pop("current_password", ""), values.pop("email", None)
        if email is not None and (email != user.email or user.pending_email):
            self.change_email(user, email, password)
        services.change_profile(user, **values)
        if user.visibility != visibility:
            security.record("visibility changed", request, user_id=user.pk)
        return Response(serializers.UserSerializer(user).data)

    def change_email(self, user: User, email: str, password: str) -> None:
        if email != user.email:
            check_own_password(self.request, password)
            limits.count_attempt("new address", self.request, limits.account_id(user.pk))
        services.request_email(user, email, self.request)
        event = "email address requested" if user.pending_email else "email address request cancelled"
        security.record(event, self.request, user_id=user.pk)

    @extend_schema(
        parameters=[ID],
        request=serializers.OwnPasswordSerializer,
        responses={204: None},
        extensions={"x-limited": True, "x-body": True},
    )
    def destroy(self, request, pk):
        """Delete one's account with everything that is theirs, for good. It takes one's password."""
        user = self.get_self("delete")
        serializers.OwnPasswordSerializer(data=request.data, context={"request": request}).is_valid(
            raise_exception=True
        )
        services.delete_account(user)
        security.record("account deleted", request, user_id=user.pk)
        return Response(status=status.HTTP_204_NO_CONTENT)
