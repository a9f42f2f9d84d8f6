"""Staff, the pages of the admin, and what it shows."""

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from tests.factories import UserFactory

MOVIES, ALBUMS = "/admin/catalog/movie/", "/admin/catalog/album/"


def client_with(*permissions: str) -> Client:
    """A client of staff with these permissions, such as `view_week`."""
    staff = UserFactory(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return client_of(staff)


def address(model, page: str, *arguments: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def said(response) -> list[str]:
    """The messages of a response or of the page it leads to."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def history(row) -> list[str]:
    known = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(row), object_id=str(row.pk))
    return [entry.get_change_message() for entry in known.order_by("pk")]


def client_of(staff) -> Client:
    client = Client()
    client.force_login(staff)
    return client


def run_action(client: Client, model: str, action: str, rows, **values):
    """The page after an action on these rows of the catalog."""
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(f"/admin/catalog/{model}/", data | values, follow=True)


def listed(response) -> set[int]:
    return {row.pk for row in response.context["cl"].result_list}


def form_of(**edits: str) -> dict[str, object]:
    """What the form of a movie or album sends."""
    inlines = ["cast", "crew", "aliases", "artist_credit"]
    management = {f"{name}-{count}_FORMS": 0 for name in inlines for count in ("TOTAL", "INITIAL")}
    return {"own_title": "", "own_cover": "", "note": ""} | edits | management
