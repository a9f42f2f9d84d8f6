"""Staff, the pages of the admin, and what it shows."""

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from tests.factories import UserFactory


def client_with(*permissions: str) -> Client:
    """A client of staff with these permissions, such as `view_week`."""
    staff = UserFactory(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(staff)
    return client


def address(model, page: str, *arguments: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def said(response) -> list[str]:
    """The messages of a response or of the page it leads to."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def history(row) -> list[str]:
    known = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(row), object_id=str(row.pk))
    return [entry.get_change_message() for entry in known.order_by("pk")]
