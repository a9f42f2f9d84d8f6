from collections.abc import Sequence
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet
from rest_framework_simplejwt.tokens import RefreshToken

from accounts import limits, security, services
from accounts.models import ApiToken, Session, User, UserQuerySet

from . import serializers
from .authentication import InactiveAccount, InvalidCredentials, IsSignedIn, read_token, renew, sign_in, user_id_in

CHANGE_ACCOUNT = ["permission_denied", "not_owner", "too_many_attempts", "busy"]  # codes of problems
no_store = method_decorator(cache_control(no_store=True), name="dispatch")


def validated(serializer: BaseSerializer) -> dict[str, Any]:
    """What was sent, checked. Raises ValidationError."""
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def caller(request: Request) -> User:
    return cast("User", request.user)


def no_content() -> Response:
    return Response(status=status.HTTP_204_NO_CONTENT)


@no_store
@extend_schema(tags=["auth"], auth=[])
class PublicView(GenericAPIView):
    """A view for clients that are not signed in (yet): it ignores an Authorization header."""

    authentication_classes = []
    permission_classes = [AllowAny]


class RegisterView(PublicView):
    serializer_class = serializers.RegisterSerializer
    problems = ["too_many_attempts", "busy", "registration_closed", "invitation_invalid"]
    problems += ["username_taken", "email_taken", "invitation_used"]

    @extend_schema(responses={201: serializers.UserSerializer})
    def post(self, request: Request) -> Response:
        """Create an account. The username is stored in lower case. An invitation opens a closed registration, once."""
        limits.count_attempt("register", request)
        if not settings.REGISTRATION_OPEN:
            services.check_invitation(cast("dict[str, Any]", request.data).get("invitation"))
        values = validated(self.get_serializer(data=request.data))
        user = services.register(**values)
        security.record("account registered", request, user_id=user.pk)
        if values["invitation"]:
            security.record("invitation used", request, user_id=user.pk)
        return Response(serializers.UserSerializer(user).data, status=status.HTTP_201_CREATED)


class LoginView(PublicView):
    serializer_class = serializers.LoginSerializer
    problems = ["too_many_attempts", "busy", "invalid_credentials", "inactive_account"]

    @extend_schema(responses={200: serializers.TokenPairSerializer})
    def post(self, request: Request) -> Response:
        """Sign in with a username or an email address, in any letter case."""
        user = authenticate(request, **validated(self.get_serializer(data=request.data)))
        if not isinstance(user, User):
            raise InvalidCredentials("Invalid username or password")
        if not user.is_active:
            raise InactiveAccount
        try:
            user_logged_in.send(sender=User, request=request, user=user)
            return Response(sign_in(user, request.headers.get("User-Agent", "")))
        except (User.NotUpdated, IntegrityError):  # the account has just been deleted
            raise InvalidCredentials("Invalid username or password") from None


class RefreshView(PublicView):
    serializer_class = serializers.RefreshSerializer
    problems = ["too_many_attempts", "token_expired", "invalid_credentials"]

    @extend_schema(responses={200: serializers.TokenPairSerializer})
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for a new pair of tokens. It works only once: of simultaneous uses, one succeeds.

        Using a spent token again, more than 10 seconds after the last renewal, ends its session.
        """
        user_id = user_id_in(cast("dict[str, Any]", request.data).get("refresh_token"))
        limits.count_attempt("refresh", request, limits.account_id(user_id) if user_id else None)
        return Response(renew(validated(self.get_serializer(data=request.data))["refresh_token"], request))


class LogoutView(PublicView):
    serializer_class = serializers.RefreshSerializer

    @extend_schema(responses={204: None})
    def post(self, request: Request) -> Response:
        """Sign out: the session of this refresh token ends, with all its tokens. The response is 204 for any other
        token, too."""
        raw = validated(self.get_serializer(data=request.data))["refresh_token"]
        try:
            _, session = read_token(RefreshToken, raw)
        except InvalidCredentials:
            return no_content()
        session.delete()
        security.record("signed out", request, user_id=session.user_id)
        return no_content()


@extend_schema(tags=["auth"])
class MeView(GenericAPIView):
    """The account that is signed in."""

    serializer_class = serializers.UserSerializer

    def get(self, request: Request) -> Response:
        return Response(serializers.UserSerializer.to_representation(caller(request)))


@extend_schema(tags=["auth"])
class PasswordView(GenericAPIView):
    permission_classes = [IsAuthenticated, IsSignedIn]
    serializer_class = serializers.ChangePasswordSerializer
    problems = ["permission_denied", "too_many_attempts", "busy", "password_changed"]

    @extend_schema(responses={204: None})
    def post(self, request: Request) -> Response:
        """Change your password. This ends all sessions and tokens, including API tokens."""
        values = validated(self.get_serializer(data=request.data))
        services.change_password(caller(request), values["new_password"])
        security.record("password changed", request, user_id=request.user.pk)
        return no_content()


class PasswordResetView(PublicView):
    serializer_class = serializers.PasswordResetSerializer
    problems = ["too_many_attempts"]

    @extend_schema(responses={202: serializers.SentSerializer})
    def post(self, request: Request) -> Response:
        """Request a link to choose a new password. The response does not reveal whether an account has this address."""
        # Validated before it is counted: the limit of a username would reveal whose address it is.
        email = validated(self.get_serializer(data=request.data))["email"]
        limits.count_attempt("reset", request, limits.account_of(email))
        services.send_password_reset(email, request)
        sentence = "If there is an account with that address, a link is on its way to it"
        return Response({"detail": sentence}, status=status.HTTP_202_ACCEPTED)


class ConfirmPasswordResetView(PublicView):
    serializer_class = serializers.ConfirmPasswordResetSerializer
    problems = ["too_many_attempts", "busy", "reset_link_invalid"]

    @extend_schema(responses={204: None})
    def post(self, request: Request) -> Response:
        """Choose a new password with the values of a link, which can be used once. All sessions and tokens end."""
        limits.count_attempt("reset link", request)
        values = validated(self.get_serializer(data=request.data))
        # Check the link first: the message that a password is too similar to the name or address reveals these.
        user = services.check_link(values["uid"], values["token"])
        serializers.check_password(values["new_password"], user, "new_password")
        services.reset_password(**values)
        security.record("password reset", request, user_id=user.pk)
        return no_content()


@extend_schema(tags=["auth"])
class SessionViewSet(ListModelMixin, GenericViewSet):
    """Your sessions, last used first. `last_used_at` changes at sign-in and at each refresh."""

    queryset = Session.objects.all()
    serializer_class = serializers.SessionSerializer
    permission_classes = [IsAuthenticated, IsSignedIn]
    problems = ["permission_denied"]

    def get_queryset(self) -> QuerySet[Session]:
        return Session.objects.open_for(caller(self.request))

    def destroy(self, request: Request, pk: int) -> Response:
        """End a session: its access and refresh tokens are refused from now on."""
        return self.end(self.get_queryset().filter(pk=self.get_object().pk))

    @extend_schema(operation_id="auth_sessions_destroy_others", responses={204: None})
    def destroy_others(self, request: Request) -> Response:
        """End all your sessions but this one."""
        return self.end(Session.objects.filter(user=caller(request)).exclude(pk=request.auth.pk))

    def end(self, ended: QuerySet[Session]) -> Response:
        count, _ = ended.delete()
        security.record(f"sessions ended: {count}", self.request, user_id=self.request.user.pk)
        return no_content()


@no_store
@extend_schema(tags=["auth"])
class ApiTokenViewSet(ListModelMixin, GenericViewSet):
    """Your API tokens, newest first, without their secrets."""

    queryset = ApiToken.objects.all()
    serializer_class = serializers.ApiTokenSerializer
    permission_classes = [IsAuthenticated, IsSignedIn]
    problems = ["permission_denied"]
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[ApiToken]:
        return caller(self.request).api_tokens.all()

    @extend_schema(
        request=serializers.CreateApiTokenSerializer,
        responses={201: serializers.NewApiTokenSerializer},
        extensions={"x-problems": ["wrong_password", "too_many_attempts", "busy"]},
    )
    def create(self, request: Request) -> Response:
        """Create an API token, for scripts and widgets. This needs your password; only this response has the secret.

        Send it as `Authorization: Bearer wo_…`, like an access token. It can read or, with the scope `full`, do
        everything that you may do with weeks and picks, but it cannot change the account itself.
        """
        values = validated(serializers.CreateApiTokenSerializer(data=request.data))
        check_own_password(request, values.pop("current_password"))
        token, secret = services.create_token(caller(request), **values)
        security.record(f"API token {token.pk} created", request, user_id=request.user.pk)
        shown = serializers.ApiTokenSerializer(token).data | {"token": secret}
        return Response(shown, status=status.HTTP_201_CREATED)

    def destroy(self, request: Request, pk: int) -> Response:
        """Revoke an API token: it is refused from now on."""
        self.get_object().delete()
        security.record(f"API token {pk} revoked", request, user_id=request.user.pk)
        return no_content()


def check_own_password(request: Request, password: str) -> None:
    """Raise PermissionDenied if this is not the caller's password; attempts are limited."""
    if not limits.is_own_password(request, password):
        raise PermissionDenied("That is not your password", code="wrong_password")


@extend_schema(tags=["users"])
class UserViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet):
    """A user."""

    queryset = User.objects.all()
    serializer_class = serializers.ProfileSerializer
    lookup_value_converter = "int"
    query_parameters = ["search"]

    def get_permissions(self) -> Sequence[BasePermission]:
        changes = self.action not in {"list", "retrieve", None}  # None if the method is not allowed
        return [IsAuthenticated(), IsSignedIn()] if changes else [IsAuthenticated()]

    def get_queryset(self) -> UserQuerySet:
        return User.objects.visible_to(caller(self.request)).with_counts().order_by("username")

    def get_own_account(self, verb: str) -> User:
        """The caller, if the address has their id. Raises Http404 or PermissionDenied."""
        user = self.get_object()
        if user != self.request.user:
            raise PermissionDenied(f"Only the owner can {verb} this account", code="not_owner")
        return user

    @extend_schema(parameters=[serializers.SearchSerializer])
    def list(self, request: Request) -> Response:
        """The users you may see, by username, with how many weeks they have."""
        words = validated(serializers.SearchSerializer(data=request.query_params))["search"]
        page = self.paginate_queryset(self.get_queryset().named_like(words))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        request=serializers.ChangeProfileSerializer,
        responses={200: serializers.UserSerializer},
        extensions={"x-problems": [*CHANGE_ACCOUNT, "wrong_password", "email_taken"]},
    )
    def partial_update(self, request: Request, pk: int) -> Response:
        """Change your email address, display name, time zone, visibility or notifications; `{}` changes nothing.

        A new email address needs your password, and is `pending_email` until the link in the email to it is followed.
        """
        values = validated(serializers.ChangeProfileSerializer(data=request.data, context={"request": request}))
        user = self.get_own_account("modify")
        password, email = values.pop("current_password", ""), values.pop("email", None)
        if email is not None and (email != user.email or user.pending_email):
            self.change_email(user, email, password)
        visibility = user.visibility
        if values.get("notifications", user.notifications) != user.notifications:
            values["told_until"] = timezone.now()
        for name, value in values.items():
            setattr(user, name, value)
        user.save(update_fields=list(values))
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
        request=serializers.OwnPasswordSerializer,
        responses={204: None},
        extensions={"x-problems": CHANGE_ACCOUNT, "x-body": True},
    )
    def destroy(self, request: Request, pk: int) -> Response:
        """Delete your account and everything it owns, permanently. This needs your password."""
        user = self.get_own_account("delete")
        validated(serializers.OwnPasswordSerializer(data=request.data, context={"request": request}))
        services.delete_account(user)
        security.record("account deleted", request, user_id=user.pk)
        return no_content()
