"""What a password must be beside what Django asks of it."""

from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError

from .hashers import normalize


class CommonPasswordValidator(password_validation.CommonPasswordValidator):
    """Django's, for the password as it is hashed: in full-width letters a common one is still common."""

    def validate(self, password, user=None):
        super().validate(normalize(password), user)


class MaximumLengthValidator:
    """As long as clients can send it: whoever chose a longer one on a page could not sign in with it."""

    def __init__(self, max_length: int = 100) -> None:
        self.max_length = max_length

    def validate(self, password: str, user: object = None) -> None:
        if len(password) > self.max_length:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        return f"Your password must contain at most {self.max_length} characters."
