from django.apps import AppConfig
from django.contrib.admin import apps, utils
from django.db.models import FETCH_PEERS


class NestedObjects(utils.NestedObjects):
    """What goes along when something is deleted, with what its names are made of: loaded together, not row by row."""

    def related_objects(self, related_model, related_fields, objs):
        return super().related_objects(related_model, related_fields, objs).fetch_mode(FETCH_PEERS)


class AdminConfig(apps.AdminConfig):
    default = False
    default_site = "wrong_opinions.admin.Site"

    def ready(self):
        utils.NestedObjects = NestedObjects  # type: ignore[misc]  # there is no other place for it
        super().ready()


class WrongOpinionsConfig(AppConfig):
    """What concerns the whole instance; an app so that Django finds its commands."""

    default = True
    name = "wrong_opinions"
