"""Webhooks in the admin, each with its latest deliveries."""

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Prefetch, Q
from django.utils import timezone
from django.utils.formats import date_format

from selections.models import Event

from .models import Delivery, Webhook
from .webhooks import sentence

MAX_SHOWN = 20  # deliveries of a webhook


class DeliveriesField(forms.ModelMultipleChoiceField):
    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, delivery):
        at = date_format(delivery.delivered_at or delivery.created_at, "DATETIME_FORMAT")
        error = f", it {delivery.error} (attempt {delivery.attempts})" if delivery.error else ""
        return f"{at}, {delivery.state}{error}: {sentence(delivery.event)}"


class WebhookForm(forms.ModelForm):
    again = DeliveriesField(
        Delivery.objects.none(),
        required=False,
        label="Latest deliveries",
        error_messages={"invalid_choice": "A selected delivery is no longer among the latest. Select again."},
        help_text="Select those to send again. Receivers that remember ids ignore messages that they already have.",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            latest = list(self.instance.deliveries.values_list("pk", flat=True)[:MAX_SHOWN])
            with_events = Prefetch("event", Event.objects.for_list())
            shown = Delivery.objects.filter(pk__in=latest).prefetch_related(with_events)
            self.fields["again"].queryset = shown  # type: ignore[attr-defined]


def send_again(deliveries):
    """Make them due as if they were new, with the same ids; return how many they are."""
    now = timezone.now()
    return deliveries.update(created_at=now, due_at=now, attempts=0)


@admin.register(Webhook)
class WebhookAdmin(admin.ModelAdmin):
    """The address and the secret are not shown again: to change them, add another webhook."""

    form = WebhookForm
    list_display = ["name", "form", "host", "is_active", "given_up"]
    actions = ["send_given_up_again"]

    def lookup_allowed(self, lookup, value, request):
        """Not the address and the secret: filters such as `secret__startswith` would find them letter by letter."""
        return not lookup.startswith(("url", "secret")) and super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request):
        given_up = Q(deliveries__due_at=None, deliveries__delivered_at=None)
        return super().get_queryset(request).annotate(given_up_count=Count("deliveries", filter=given_up))

    def get_fields(self, request, obj=None):
        return ["name", "form", "url", "is_active"] if obj is None else ["name", "form", "host", "is_active", "again"]

    def get_readonly_fields(self, request, obj=None):
        return [] if obj is None else ["form", "host"]

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        if change:
            send_again(form.cleaned_data["again"])
        elif obj.form == Webhook.Form.JSON:
            shown = f"The secret that signs what is sent, which is shown only now: {obj.secret}"
            self.message_user(request, shown, messages.SUCCESS)

    @admin.action(description="Resend messages that were given up", permissions=["change"])
    def send_given_up_again(self, request, queryset):
        given_up = Delivery.objects.filter(webhook__in=queryset, due_at=None, delivered_at=None)
        self.message_user(request, f"Messages that are sent again: {send_again(given_up)}.")

    @admin.display(description="given up")
    def given_up(self, webhook):
        return webhook.given_up_count
