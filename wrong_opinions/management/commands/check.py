from django.core.management.commands import check
from django.db import connection, transaction


class Command(check.Command):
    def handle(self, *app_labels, **options):
        """As Django's command, and check that the database can be used."""
        super().handle(*app_labels, **options)
        with transaction.atomic(), connection.cursor() as cursor:  # on SQLite this locks the file for writing
            cursor.execute("SELECT 1")
