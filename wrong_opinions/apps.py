from django.apps import AppConfig
from django.contrib.admin import apps, utils
from django.db.models import FETCH_PEERS


class NestedObjects(utils.NestedObjects):
    """The rows that a deletion cascades to, with the related rows for their names loaded together."""

    def related_objects(self, related_model, related_fields, objs):
        return super().related_objects(related_model, related_fields, objs).fetch_mode(FETCH_PEERS)


class AdminConfig(apps.AdminConfig):
    default = False
    default_site = "wrong_opinions.admin.Site"

    def ready(self):
        utils.NestedObjects = NestedObjects  # type: ignore[misc]  # the admin has no setting for it
        super().ready()


class WrongOpinionsConfig(AppConfig):
    """The whole instance; an app so that Django finds its commands."""

    default = True
    name = "wrong_opinions"
    verbose_name = "Instance"

    def ready(self):
        from . import webhook_admin  # noqa: F401 - admin.py has the site, which has to be there before
