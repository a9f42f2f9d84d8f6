from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers

from accounts.models import User, validate_ascii, validate_username


class TextField(serializers.CharField):
    """A JSON string: REST framework's own field takes numbers, too."""

    def to_internal_value(self, data):
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class EmailField(TextField, serializers.EmailField):
    pass


class UserSerializer(serializers.ModelSerializer):
    created_at = serializers.DateTimeField(source="date_joined", read_only=True)

    class Meta:
        model = User
        fields = ["id", "username", "email", "is_active", "created_at"]
        read_only_fields = fields


class RegisterSerializer(serializers.Serializer):
    """Checks the shape only: whether the name and address are free is a 409, not an invalid input."""

    username = TextField(min_length=3, max_length=50, trim_whitespace=False, validators=[validate_username])
    email = EmailField(max_length=254, validators=[validate_ascii])
    password = TextField(min_length=8, max_length=100, trim_whitespace=False, write_only=True)

    def validate(self, attrs):
        someone = User(username=attrs["username"], email=attrs["email"])
        try:
            validate_password(attrs["password"], someone)
        except DjangoValidationError as error:
            raise serializers.ValidationError({"password": error.messages}, code="invalid_password") from None
        return attrs


class LoginSerializer(serializers.Serializer):
    username = TextField(help_text="The username or the e-mail address, in any letter case.")
    password = TextField(trim_whitespace=False, max_length=1000, write_only=True)


class RefreshSerializer(serializers.Serializer):
    refresh_token = TextField(max_length=5000)


class TokenPairSerializer(serializers.Serializer):
    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.CharField(help_text="Always `bearer`.")
    expires_in = serializers.IntegerField(help_text="Seconds that the access token is good for.")
