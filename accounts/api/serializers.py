from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils import timezone
from rest_framework import serializers

from accounts import limits, models
from accounts.models import ApiToken, Session, User


class TextField(serializers.CharField):
    """Accepts only JSON strings; REST framework's own field also accepts numbers."""

    def to_internal_value(self, data):
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class EmailField(TextField, serializers.EmailField):
    pass


class WordField(serializers.ChoiceField):
    """One of several words. The message of REST framework's own field would repeat what was sent."""

    default_error_messages = {"invalid_choice": "Not a valid choice."}


class PasswordField(TextField):
    def __init__(self, **kwargs):
        super().__init__(trim_whitespace=False, write_only=True, max_length=1000, **kwargs)


class OwnPasswordField(PasswordField):
    """The password of the user who is signed in; attempts are limited."""

    def to_internal_value(self, data):
        password = super().to_internal_value(data)
        if not limits.is_own_password(self.context["request"], password):
            raise serializers.ValidationError("That is not your password.", code="wrong_password")
        return password


class NewPasswordField(TextField):
    """8 to 100 characters; check_password() runs Django's validators."""

    def __init__(self):
        super().__init__(min_length=8, max_length=100, trim_whitespace=False, write_only=True)


class NullableTextField(TextField):
    """Text that is "" in the database and null in the API if it is not known."""

    def __init__(self, **kwargs):
        super().__init__(allow_null=True, allow_blank=True, **kwargs)

    def run_validation(self, data=serializers.empty):
        return super().run_validation(data) or ""

    def to_representation(self, value):
        return value or None


def check_password(password: str, user: User, field: str) -> None:
    """Raise ValidationError with each reason why the password is too weak for this user."""
    try:
        validate_password(password, user)
    except DjangoValidationError as error:
        raise serializers.ValidationError({field: error.messages}, code="invalid_password") from None


class UserSerializer(serializers.ModelSerializer):
    """An account, for its owner."""

    pending_email = NullableTextField(
        read_only=True, help_text="A new address, until the link in the email to it is followed."
    )
    display_name = NullableTextField(read_only=True)
    created_at = serializers.DateTimeField(source="date_joined", read_only=True)

    class Meta:
        model = User
        fields = ["id", "username", "email", "pending_email", "is_active", "created_at"]
        fields += ["display_name", "time_zone", "visibility", "notifications"]
        read_only_fields = fields

    @staticmethod
    def to_representation(user):
        return {
            "id": user.pk,
            "username": user.username,
            "email": user.email,
            "pending_email": user.pending_email or None,
            "is_active": user.is_active,
            "created_at": user.date_joined,
            "display_name": user.display_name or None,
            "time_zone": user.time_zone,
            "visibility": user.visibility,
            "notifications": user.notifications,
        }


class ProfileSerializer(serializers.ModelSerializer):
    """A user, for everyone who may see them."""

    display_name = NullableTextField(read_only=True)
    created_at = serializers.DateTimeField(source="date_joined", read_only=True)
    weeks = serializers.IntegerField(source="week_count", read_only=True)
    complete_weeks = serializers.IntegerField(
        source="complete_week_count", read_only=True, help_text="Weeks with at least one movie and one album."
    )

    class Meta:
        model = User
        fields = ["id", "username", "display_name", "created_at", "weeks", "complete_weeks"]
        read_only_fields = fields


class SearchSerializer(serializers.Serializer):
    search = serializers.CharField(
        max_length=100, default="", allow_blank=True, help_text="Words of a username or display name."
    )


class ChangeProfileSerializer(serializers.Serializer):
    email = EmailField(
        max_length=254,
        validators=[models.validate_ascii],
        required=False,
        help_text="It takes effect once you follow the link in the email to it. Your present address cancels it.",
    )
    current_password = PasswordField(required=False, help_text="Required with a new email address.")
    display_name = NullableTextField(max_length=100, validators=[models.validate_printable], required=False)
    time_zone = TextField(
        max_length=64,
        validators=[models.validate_time_zone],
        required=False,
        help_text="IANA name, such as Europe/Berlin.",
    )
    visibility = WordField(User.Visibility.choices, required=False)
    notifications = WordField(
        User.Notifications.choices, required=False, help_text="Which emails you get; each has a link to turn them off."
    )

    def validate(self, attrs):
        email = self.context["request"].user.email
        if attrs.get("email", email) != email and "current_password" not in attrs:
            message = "Enter your password to change your email address."
            raise serializers.ValidationError({"current_password": message}, code="required")
        return attrs


class RegisterSerializer(serializers.Serializer):
    """Checks the shape only: a name or address that is taken is a 409, not invalid input."""

    username = TextField(
        min_length=3,
        max_length=50,
        trim_whitespace=False,
        validators=[models.validate_username, models.validate_not_reserved],
    )
    email = EmailField(max_length=254, validators=[models.validate_ascii])
    password = NewPasswordField()
    invitation = NullableTextField(
        max_length=100, default="", help_text="The code of an invitation; required where registration is closed."
    )

    def validate(self, attrs):
        check_password(attrs["password"], User(username=attrs["username"], email=attrs["email"]), "password")
        return attrs


class LoginSerializer(serializers.Serializer):
    username = TextField(help_text="Username or email address, in any letter case.")
    password = PasswordField()


class RefreshSerializer(serializers.Serializer):
    refresh_token = TextField(max_length=5000)


class TokenPairSerializer(serializers.Serializer):
    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.ChoiceField(["bearer"])
    expires_in = serializers.IntegerField(help_text="Seconds until the access token expires.")


class OwnPasswordSerializer(serializers.Serializer):
    password = OwnPasswordField()


class ChangePasswordSerializer(serializers.Serializer):
    current_password = OwnPasswordField()
    new_password = NewPasswordField()

    def validate(self, attrs):
        check_password(attrs["new_password"], self.context["request"].user, "new_password")
        return attrs


class PasswordResetSerializer(serializers.Serializer):
    email = EmailField(max_length=254)


class SentSerializer(serializers.Serializer):
    detail = serializers.CharField()


class ConfirmPasswordResetSerializer(serializers.Serializer):
    uid = TextField(max_length=100)
    token = TextField(max_length=200)
    new_password = NewPasswordField()


class SessionSerializer(serializers.ModelSerializer):
    client = NullableTextField(read_only=True, help_text="The User-Agent header of the client.")
    last_used_at = serializers.DateTimeField(read_only=True, help_text="When it began or was last refreshed.")
    current = serializers.SerializerMethodField(help_text="Whether it is the session of this request.")

    class Meta:
        model = Session
        fields = ["id", "client", "created_at", "last_used_at", "current"]
        read_only_fields = fields

    def get_current(self, session) -> bool:
        return session == self.context["request"].auth


class ApiTokenSerializer(serializers.ModelSerializer):
    class Meta:
        model = ApiToken
        fields = ["id", "name", "scope", "hint", "created_at", "expires_at", "last_used_at"]
        read_only_fields = fields


class NewApiTokenSerializer(ApiTokenSerializer):
    token = serializers.CharField(help_text="The secret, which is shown only now.")

    class Meta(ApiTokenSerializer.Meta):
        fields = [*ApiTokenSerializer.Meta.fields, "token"]
        read_only_fields = fields


class CreateApiTokenSerializer(serializers.Serializer):
    current_password = PasswordField()
    name = TextField(max_length=100, validators=[models.validate_printable], help_text="What it is used for.")
    scope = WordField(
        [(scope.value, scope.label) for scope in ApiToken.FOR_SCRIPTS],
        default=ApiToken.Scope.READ,
        help_text="`read` by default.",
    )
    expires_at = serializers.DateTimeField(
        allow_null=True, default=None, help_text="An instant in the future, or null for a token that does not expire."
    )

    def validate_expires_at(self, value):
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError("Must be in the future.", code="past")
        return value
