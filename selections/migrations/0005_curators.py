from django.db import migrations

ALL = ["view", "add", "change", "delete"]
GRANTED = {
    "catalog": {
        name: ALL
        for name in [
            "movie", "moviealias", "moviecast", "moviecrew", "person",
            "album", "albumalias", "albumartist", "artist", "artistalias", "merge",
        ]
    },
    "selections": {
        "week": ALL,
        "weekmovie": ALL,
        "weekalbum": ALL,
        "importedrow": ALL,
        # People's own: to take away what must not stand there, and not to put words into anybody's mouth.
        "opinion": ["view", "delete"],
        "earlierrating": ["view"],
    },
}


def make_curators(apps, schema_editor, granted=GRANTED):
    """Make the group that may keep catalog and weeks in order, and nothing else.

    On a new database Django makes the permissions after all migrations; it leaves alone those that are there.
    """
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    Group = apps.get_model("auth", "Group")
    database = schema_editor.connection.alias
    group, _ = Group.objects.using(database).get_or_create(name="curator")
    for app, models in granted.items():
        for model, actions in models.items():
            kind, _ = ContentType.objects.using(database).get_or_create(app_label=app, model=model)
            name = apps.get_model(app, model)._meta.verbose_name_raw
            for action in actions:
                permission, _ = Permission.objects.using(database).get_or_create(
                    content_type=kind, codename=f"{action}_{model}", defaults={"name": f"Can {action} {name}"}
                )
                group.permissions.add(permission)


class Migration(migrations.Migration):

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("catalog", "0005_curated_and_merged"),
        ("selections", "0004_imported_rows"),
    ]

    operations = [
        # Backwards the group stays, as people may be in it.
        migrations.RunPython(make_curators, migrations.RunPython.noop, elidable=False),
    ]
