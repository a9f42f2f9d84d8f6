from django.apps import AppConfig
from django.core.checks import register


class IntegrationsConfig(AppConfig):
    name = "integrations"

    def ready(self) -> None:
        from . import status

        register(status.check_upstreams)
