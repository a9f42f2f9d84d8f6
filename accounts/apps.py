from django.apps import AppConfig
from django.core.checks import register


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from . import checks, signals  # noqa: F401 - importing signals connects them

        register(checks.check_secret_key)
        register(checks.check_links)
        register(checks.check_old_names)
