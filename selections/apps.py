from django.apps import AppConfig


class SelectionsConfig(AppConfig):
    name = "selections"

    def ready(self):
        from catalog.merging import register_parent

        for model in (self.get_model("WeekMovie"), self.get_model("WeekAlbum")):
            register_parent(model, "week")
