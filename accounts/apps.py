from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from . import checks, signals  # noqa: F401 - importing them registers checks and connects signals
