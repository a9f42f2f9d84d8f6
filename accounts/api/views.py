from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.models import update_last_login
from django.db import IntegrityError, transaction
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.generics import GenericAPIView, RetrieveAPIView
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework_simplejwt.tokens import RefreshToken, UntypedToken

from accounts.models import User

from . import serializers
from .authentication import UNREADABLE, InactiveAccount, InvalidCredentials, pair_for, read_token, spend
from .throttling import AttemptThrottle, account_of


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class RegistrationClosed(PermissionDenied):
    default_detail = "Registration is closed"
    default_code = "registration_closed"


class PublicView(GenericAPIView):
    """A view for those who are not signed in (yet): it ignores an Authorization header, and limits attempts."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [AttemptThrottle]
    attempt: str  # whose rate of the settings counts

    def get_account(self, request) -> str:
        """What the attempts on one account are counted under."""
        return account_of(request.data.get("username"))


@extend_schema(tags=["auth"], auth=[], extensions={"x-limited": True})
class RegisterView(PublicView):
    serializer_class = serializers.RegisterSerializer
    attempt = "register"

    @extend_schema(
        responses={
            201: serializers.UserSerializer,
            403: OpenApiResponse(description="Registration is closed"),
            409: OpenApiResponse(description="The username or the e-mail address is taken"),
        }
    )
    def post(self, request):
        """Create an account. The username is stored in lower case."""
        if not settings.REGISTRATION_OPEN:
            raise RegistrationClosed
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted = serializer.validated_data
        self.refuse_taken(**wanted)
        user = User(username=wanted["username"].lower(), email=wanted["email"])
        user.set_password(wanted["password"])  # slow by design, so before the transaction
        try:
            with transaction.atomic():
                user.save(force_insert=True)
        except IntegrityError:
            self.refuse_taken(**wanted)  # somebody was faster
            raise
        return Response(serializers.UserSerializer(user).data, status=status.HTTP_201_CREATED)

    @staticmethod
    def refuse_taken(username: str, email: str, **_: str) -> None:
        if User.objects.known_as(username).exists():
            raise Conflict("Username already registered", code="username_taken")
        if User.objects.known_as(email).exists():
            raise Conflict("Email already registered", code="email_taken")


@extend_schema(tags=["auth"], auth=[], extensions={"x-limited": True})
class LoginView(PublicView):
    serializer_class = serializers.LoginSerializer
    attempt = "login"

    @extend_schema(
        responses={
            200: serializers.TokenPairSerializer,
            401: OpenApiResponse(description="Wrong password or no such user: which, is not told"),
            403: OpenApiResponse(description="The account is disabled"),
        }
    )
    def post(self, request):
        """Sign in with a username or an e-mail address, in any letter case."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = authenticate(request, **serializer.validated_data)
        if not isinstance(user, User):
            raise InvalidCredentials("Invalid username or password")
        if not user.is_active:
            raise InactiveAccount
        update_last_login(User, user)
        return Response(pair_for(user))


@extend_schema(tags=["auth"], auth=[], extensions={"x-limited": True})
class RefreshView(PublicView):
    serializer_class = serializers.RefreshSerializer
    attempt = "refresh"

    def get_account(self, request):
        try:
            return str(UntypedToken(request.data["refresh_token"])["sub"])
        except UNREADABLE:
            return ""

    @extend_schema(
        responses={
            200: serializers.TokenPairSerializer,
            401: OpenApiResponse(description="Spent, expired or revoked; the account is gone or disabled"),
        }
    )
    def post(self, request):
        """Trade a refresh token for a new pair. It is spent by that: of simultaneous uses one wins."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        token, user = read_token(RefreshToken, serializer.validated_data["refresh_token"])
        if not user.is_active:
            raise InvalidCredentials
        with transaction.atomic():
            if not spend(token):
                raise InvalidCredentials
            pair = pair_for(user)
        return Response(pair)


@extend_schema(tags=["auth"], auth=[])
class LogoutView(GenericAPIView):
    authentication_classes = []
    permission_classes = [AllowAny]
    serializer_class = serializers.RefreshSerializer

    @extend_schema(responses={204: None})
    def post(self, request):
        """Spend a refresh token without a new one. Says 204 whatever the token was worth."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            token, _ = read_token(RefreshToken, serializer.validated_data["refresh_token"])
        except InvalidCredentials:
            pass
        else:
            spend(token)
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(tags=["auth"])
class MeView(RetrieveAPIView):
    """The account that is signed in."""

    serializer_class = serializers.UserSerializer

    def get_object(self):
        return self.request.user
