"""Webhooks: each gets every event that all members may know of once, in its form, and secrets are not shown."""

import base64
import hashlib
import hmac
import io
import json
from datetime import timedelta
from uuid import uuid4

import pytest
import requests
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from selections.models import Event
from selections.planning.services import challenge_member, vote
from tests.conftest import at_once
from tests.factories import MovieFactory, ShortlistItemFactory, UserFactory, WeekFactory
from wrong_opinions import webhooks
from wrong_opinions.models import Delivery, Webhook, validate_address

URL = "https://hooks.example.org/secret-path"


@pytest.fixture
def webhook(now, user, other):
    """A webhook that gets no events from before it was added."""
    Event.objects.create(kind="joined", user=user, at=now - timedelta(days=1))
    Event.objects.create(kind="joined", user=other, at=now - timedelta(days=1))
    return Webhook.objects.create(name="club", url=URL)


def run() -> str:
    said = io.StringIO()
    webhooks.run(stdout=said)
    return said.getvalue()


def complete(owner) -> Event:
    week = WeekFactory(user=owner, year=2026, week_number=7)
    return Event.objects.create(kind="week_completed", user=owner, week=week)


def test_a_message_is_signed_and_sent_once(webhook, user, upstream):
    event = complete(user)
    upstream.post(URL, status=204)

    assert [run(), run()] == ["Sent 1 message; 0 webhooks failed.", "Sent 0 messages; 0 webhooks failed."]

    request, delivery = upstream.calls[0].request, Delivery.objects.get()
    body = json.loads(request.body)
    assert (body["type"], body["timestamp"]) == ("week_completed", "2026-02-11T12:00:00Z")
    assert (body["data"]["id"], body["data"]["text"]) == (event.pk, "ada completed 2026-W07.")
    assert request.headers["webhook-id"] == str(delivery.pk)
    signed = f"{delivery.pk}.{request.headers['webhook-timestamp']}.".encode() + request.body
    key = base64.b64decode(webhook.secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{signature}"
    assert (delivery.state, delivery.attempts, delivery.delivered_at) == ("sent", 1, timezone.now())


def test_each_form_says_it_in_its_way(webhook, user, other, upstream):
    other.display_name = "[Ben](https://x)"
    other.save()
    item = ShortlistItemFactory(user=user, movie=MovieFactory(title="Alien"))
    for form in ("discord", "ntfy"):
        Webhook.objects.filter(pk=webhook.pk).update(form=form)
        upstream.post(URL, status=200)
        item.votes.all().delete()
        vote(other, item)
        run()

    discord, ntfy = (call.request for call in upstream.calls)
    content = r"\[Ben\](https://x) voted for Alien on ada's shortlist."
    assert json.loads(discord.body) == {"content": content, "allowed_mentions": {"parse": []}}
    assert ntfy.body.decode() == content.replace("\\", "")
    assert ntfy.headers["Title"] == "Wrong Opinions"


def test_only_what_every_member_may_know_of_is_told_and_only_by_active_webhooks(webhook, user, other, upstream):
    hermit = UserFactory(visibility="private")
    vote(other, ShortlistItemFactory(user=hermit))
    complete(hermit)
    challenge_member(other, user, MovieFactory(), note="")
    run()
    User.objects.filter(pk=hermit.pk).update(visibility="members")  # what they did before is still not told
    Webhook.objects.create(name="later", url=URL)
    Webhook.objects.create(name="resting", url=URL, is_active=False)
    run()

    assert not Delivery.objects.exists()
    complete(user)
    assert webhooks.queue_events() is False
    assert {delivery.webhook.name for delivery in Delivery.objects.select_related("webhook")} == {"club", "later"}
    User.objects.filter(pk=user.pk).update(visibility="private")
    run()
    assert not Delivery.objects.exists()
    assert not upstream.calls


def test_what_was_sent_is_kept_for_30_days_and_is_not_sent_again(webhook, user, upstream, time_machine):
    complete(user)
    upstream.post(URL, status=204)
    run()
    time_machine.shift(timedelta(days=29))
    run()
    assert Delivery.objects.exists()

    time_machine.shift(timedelta(days=2))
    run()

    assert not Delivery.objects.exists()
    assert len(upstream.calls) == 1


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"status": 500}, "answered HTTP 500"),
        ({"status": 302, "headers": {"Location": "http://127.0.0.1/"}}, "answered HTTP 302"),
        ({"body": requests.ConnectionError(f"no way to {URL}")}, "is unreachable"),
        ({"body": requests.ReadTimeout(URL)}, "did not answer in time"),
    ],
    ids=["500", "redirect", "unreachable", "silent"],
)
def test_what_fails_is_tried_again_with_the_same_id(
    webhook, user, other, upstream, options, error, time_machine, caplog
):
    complete(user)
    complete(other)
    upstream.post(URL, **options)

    assert run() == "Sent 0 messages; 1 webhook failed."

    first, second = Delivery.objects.order_by("event_id")
    assert first.error.startswith(error)
    assert f"Webhook club {error}" in caplog.text
    assert "secret-path" not in caplog.text + first.error
    assert webhook.secret not in caplog.text
    assert (first.due_at - timezone.now(), second.attempts) == (webhooks.MIN_DELAY, 0)  # one failure in a round
    time_machine.shift(60)
    upstream.replace("POST", URL, status=200)
    assert run() == "Sent 2 messages; 0 webhooks failed."
    ids = [call.request.headers["webhook-id"] for call in upstream.calls]
    assert ids == [str(first.pk), str(first.pk), str(second.pk)]


def test_after_the_clock_was_wrong_it_is_tried_again(webhook, user, upstream, time_machine):
    complete(user)
    upstream.post(URL, status=500)
    time_machine.shift(timedelta(days=400))
    run()
    time_machine.shift(timedelta(days=-400))
    upstream.replace("POST", URL, status=200)

    assert run() == "Sent 1 message; 0 webhooks failed."


def test_attempts_become_rare_and_end_after_days(webhook, user, upstream, time_machine):
    complete(user)
    upstream.post(URL, status=500)
    run()
    waits = []
    while due_at := Delivery.objects.get().due_at:
        waits.append(due_at - timezone.now())
        time_machine.move_to(due_at, tick=False)
        run()

    assert waits[:3] == [timedelta(minutes=minutes) for minutes in (1, 2, 4)]
    assert max(waits) == webhooks.MAX_DELAY
    assert timedelta(days=3) <= sum(waits, timedelta()) < timedelta(days=3.3)
    assert Delivery.objects.get().state == "given up"


def test_what_waits_for_a_webhook_that_is_switched_off_is_given_up_after_days(webhook, user, upstream, time_machine):
    complete(user)
    webhooks.queue_events()
    Webhook.objects.update(is_active=False)
    time_machine.shift(webhooks.MAX_AGE)
    run()
    assert Delivery.objects.get().state == "waiting"

    time_machine.shift(timedelta(minutes=1))
    run()
    Webhook.objects.update(is_active=True)

    assert run() == "Sent 0 messages; 0 webhooks failed."
    assert Delivery.objects.get().state == "given up"


def test_the_delivery_of_a_runner_that_died_is_sent_by_another(webhook, user, upstream, time_machine):
    complete(user)
    webhooks.queue_events()
    Delivery.objects.update(due_at=timezone.now() + webhooks.HOLD, attempts=1)  # it was claimed
    assert run() == "Sent 0 messages; 0 webhooks failed."
    upstream.post(URL, status=200)

    time_machine.shift(webhooks.HOLD)

    assert run() == "Sent 1 message; 0 webhooks failed."


@pytest.mark.django_db(transaction=True)
def test_simultaneous_runners_send_each_message_once(webhook, user, upstream):
    for person in (user, *UserFactory.create_batch(3, date_joined=timezone.now() - timedelta(days=30))):
        complete(person)
    upstream.post(URL, status=200)

    at_once(3, lambda number: run())

    assert len(upstream.calls) == 4
    assert {delivery.state for delivery in Delivery.objects.all()} == {"sent"}


@pytest.mark.parametrize("debug", [True, False])
def test_addresses_are_of_https_or_with_debug_on_this_host(settings, debug):
    settings.DEBUG = debug
    local = "http://127.0.0.1:8080/"
    wrong = ["http://x.example.org/", "http://127.0.0.1.example.org/", "file:///etc/passwd", "https://", "https://[x"]

    for url in [URL] + [local] * debug:
        validate_address(url)
    for url in wrong + [local] * (not debug):
        with pytest.raises(ValidationError):
            validate_address(url)


@pytest.fixture
def admin(client, db):
    client.force_login(UserFactory(is_staff=True, is_superuser=True, date_joined="2020-01-01T00:00Z"))
    return client


def test_the_secret_is_shown_once_and_the_address_never_again(admin):
    form = {"name": "club", "form": "json", "url": URL, "is_active": "on"}

    page = admin.post(reverse("admin:wrong_opinions_webhook_add"), form, follow=True).content.decode()

    webhook = Webhook.objects.get()
    assert webhook.secret in page
    for address in ("changelist", "change", "history", "delete"):
        arguments = [] if address == "changelist" else [webhook.pk]
        shown = admin.get(reverse(f"admin:wrong_opinions_webhook_{address}", args=arguments)).content.decode()
        assert "club" in shown
        assert webhook.secret not in shown
        assert "secret-path" not in shown
    refused = admin.post(reverse("admin:wrong_opinions_webhook_add"), form | {"name": "x", "url": "http://x/"})
    assert "Enter an address that begins with https://." in refused.content.decode()


@pytest.mark.parametrize("name", ["secret", "url"])
def test_the_secret_and_the_address_are_not_found_by_filters(admin, webhook, name):
    begins = {f"{name}__startswith": getattr(webhook, name)[:8]}

    assert admin.get(reverse("admin:wrong_opinions_webhook_changelist"), begins).status_code == 400


def test_staff_send_again(admin, webhook, user, upstream):
    complete(user)
    upstream.post(URL, status=200)
    run()
    page = reverse("admin:wrong_opinions_webhook_change", args=[webhook.pk])
    delivery = Delivery.objects.get()
    assert "sent: ada completed 2026-W07." in admin.get(page).content.decode()

    admin.post(page, {"name": "club", "is_active": "on", "again": str(delivery.pk)})

    assert run() == "Sent 1 message; 0 webhooks failed."
    assert {call.request.headers["webhook-id"] for call in upstream.calls} == {str(delivery.pk)}
    gone = admin.post(page, {"name": "club", "is_active": "on", "again": str(uuid4())}).content.decode()
    assert "A selected delivery is no longer among the latest. Select again." in gone
    Delivery.objects.update(due_at=None, delivered_at=None)
    listed = {"action": "send_given_up_again", "_selected_action": webhook.pk}
    said = admin.post(reverse("admin:wrong_opinions_webhook_changelist"), listed, follow=True).content.decode()
    assert "Messages that are sent again: 1." in said
    assert Delivery.objects.get().state == "waiting"
