"""Password validators beside Django's."""

from typing import Any

from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError

from .hashers import normalize


class CommonPasswordValidator(password_validation.CommonPasswordValidator):
    """Django's validator, for the password as it is hashed: common ones are refused in full-width letters, too."""

    def validate(self, password: str, user: Any = None) -> None:
        super().validate(normalize(password), user)


class MaximumLengthValidator:
    """Refuses passwords that are too long for clients to send: their users could not sign in."""

    def __init__(self, max_length: int = 100) -> None:
        self.max_length = max_length

    def validate(self, password: str, user: object = None) -> None:
        if len(password) > self.max_length:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        return f"Your password must contain at most {self.max_length} characters."
