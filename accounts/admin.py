from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.db.models import Model
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join

from . import security, services
from .errors import Refusal
from .models import NEVER, ApiToken, Attempts, Invitation, Session, User, fold
from .old_forms import ChangedOnlyForm

RIGHTS = ["is_staff", "is_superuser", "groups", "user_permissions"]
ACTIVITY = ["weeks", "complete_weeks", "opinion_list", "open_sessions", "tokens", "invited", "last_seen"]
# What staff need to be shown these activities, which link to pages that need it, too.
NEEDED = {
    "weeks": "selections.view_week",
    "opinion_list": "selections.view_opinion",
    "open_sessions": "accounts.delete_session",
    "tokens": "accounts.delete_apitoken",
}
LAST_SEEN = "Last seen is the last sign-in, renewal of a session, or use of an API token, which is stored to the hour."
CURATORS = (
    "Curators read everyone's opinions and private weeks in the admin. In a week in which they take part themselves, "
    "others' opinions stay hidden from them until they give their own, or the week is over. The same goes for "
    "superusers."
)
# What is written to the log named `security` when these fields change.
EVENTS = {"email": "address changed", "visibility": "visibility changed"} | dict.fromkeys(
    RIGHTS, "staff rights changed"
)


class ReadOnlyAdmin(admin.ModelAdmin):
    """For rows that staff only look at and delete."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False


class UserForm(ChangedOnlyForm, UserChangeForm):
    """An old form neither makes a private member public nor gives rights back."""


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    form = UserForm
    list_display = [
        "username",
        "display_name",
        "email",
        "is_active",
        "weeks",
        "complete_weeks",
        "last_seen",
        "is_staff",
    ]
    list_filter = ["is_active", "visibility", "is_staff", "is_superuser", "date_joined"]
    list_per_page = 50
    search_fields = ["username", "email", "search_text"]
    date_hierarchy = "date_joined"
    fieldsets = [
        (None, {"fields": ["username", "display_name", "email", "password", "time_zone", "visibility"]}),
        ("Activity", {"fields": [*ACTIVITY], "description": LAST_SEEN}),
        ("Permissions", {"fields": ["is_active", *RIGHTS], "description": CURATORS}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    readonly_fields = [*ACTIVITY, "last_login", "date_joined"]
    add_fieldsets = [
        (None, {"classes": ["wide"], "fields": ["username", "email", "usable_password", "password1", "password2"]})
    ]
    actions = ["deactivate", "activate"]

    def lookup_allowed(self, lookup, value, request):
        """Not the key in links of emails, which filters would find digit by digit."""
        return not lookup.startswith("unsubscribe_key") and super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request):
        return User.objects.with_counts().with_last_seen().order_by("username")

    def get_search_results(self, request, queryset, search_term):
        """Names without accents, as `search_text` has them; usernames and addresses are ASCII."""
        return super().get_search_results(request, queryset, fold(search_term))

    def get_fieldsets(self, request, obj=None):
        """Only superusers change what others may do."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or request.user.is_superuser:
            return fieldsets
        activity = {"fields": may_see(request.user, ACTIVITY), "description": LAST_SEEN}
        changed: dict[Any, Any] = {"Permissions": {"fields": ["is_active"]}, "Activity": activity}
        return [(name, changed.get(name, rest)) for name, rest in fieldsets]

    def get_list_display(self, request):
        return may_see(request.user, self.list_display)

    def get_readonly_fields(self, request, obj=None):
        """Users cannot deactivate themselves, nor the last superuser."""
        fields = super().get_readonly_fields(request, obj)
        if obj is None:
            return fields
        if services.is_last_superuser(obj):
            return [*fields, "is_active", "is_superuser", "is_staff"]
        return [*fields, "is_active"] if obj == request.user else fields

    def has_change_permission(self, request, obj=None):
        is_allowed = obj is None or services.can_manage(request.user, obj)
        return is_allowed and super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        is_allowed = obj is None or services.can_manage(request.user, obj)
        return is_allowed and super().has_delete_permission(request, obj)

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        user = form.instance
        events = {EVENTS[name] for name in form.changed_data if name in EVENTS} if change else {"account created"}
        if change and "is_active" in form.changed_data:
            events.add("account activated" if user.is_active else "account deactivated")
        for event in sorted(events):
            security.record(event, request, user_id=user.pk)

    def user_change_password(self, request, id, form_url=""):  # noqa: A002 - as Django calls it
        response = super().user_change_password(request, id, form_url)
        if response.status_code == HTTPStatus.FOUND:
            security.record("password changed", request, user_id=id)
        return response

    def delete_model(self, request, obj):
        services.delete_account(obj)

    def delete_queryset(self, request, queryset):
        for user in queryset:
            services.delete_account(user)

    def log_deletions(self, request, queryset):
        for user in queryset:
            security.record("account deleted", request, user_id=user.pk)
        return super().log_deletions(request, queryset)

    @admin.action(description="Deactivate selected users", permissions=["change"])
    def deactivate(self, request, queryset):
        self.set_active(request, queryset, active=False)

    @admin.action(description="Activate selected users", permissions=["change"])
    def activate(self, request, queryset):
        self.set_active(request, queryset, active=True)

    def set_active(self, request, queryset, *, active: bool) -> None:
        verb, changed = "activated" if active else "deactivated", []
        for user in queryset:
            try:
                if services.set_active(user, active=active, by=request.user):
                    self.log_change(request, user, f"{verb.capitalize()}.")
                    security.record(f"account {verb}", request, user_id=user.pk)
                    changed.append(str(user))
            except Refusal as refusal:
                self.message_user(request, f"{refusal}.", messages.WARNING)
        if changed:
            self.message_user(request, f"{verb.capitalize()} {', '.join(changed)}.", messages.SUCCESS)
        else:
            self.message_user(request, f"No account was {verb}.")

    def link_to_rows(self, user: User, model: str, text: object) -> str:
        url = reverse(f"admin:{model}_changelist")
        return format_html('<a href="{}?user__id__exact={}">{}</a>', url, user.pk, text)

    def list_with_links(self, verb: str, rows: Iterable[Model], describe: Callable[[Any], str]) -> str:
        """A list of rows, each with a link to the page that deletes it."""
        item = '<li>{}, {}: <a href="{}">{}<span class="visually-hidden"> {}</span></a></li>'
        items = [
            (row, describe(row), reverse(f"admin:accounts_{row._meta.model_name}_delete", args=[row.pk]), verb, row)
            for row in rows
        ]
        return format_html("<ul>{}</ul>", format_html_join("", item, items)) if items else "none"

    @admin.display(description="weeks", ordering="week_count")
    def weeks(self, user):
        if user.week_count == 0:
            return "–"
        year = format_html('<a href="{}?user={}">year</a>', reverse("admin:selections_week_grid"), user.pk)
        return format_html("{} ({})", self.link_to_rows(user, "selections_week", user.week_count), year)

    @admin.display(description="complete", ordering="complete_week_count")
    def complete_weeks(self, user):
        return user.complete_week_count

    @admin.display(description="last seen", ordering=Coalesce("last_seen_at", NEVER))
    def last_seen(self, user):
        return date_format(user.last_seen_at, "DATETIME_FORMAT") if user.last_seen_at else "never"

    @admin.display(description="opinions")
    def opinion_list(self, user):
        return self.link_to_rows(user, "selections_opinion", user.opinions.count())

    @admin.display(description="sessions")
    def open_sessions(self, user):
        return self.list_with_links("End", Session.objects.open_for(user)[:20], last_use)

    @admin.display(description="API tokens")
    def tokens(self, user):
        return self.list_with_links(
            "Revoke", user.api_tokens.all(), lambda token: f"{token.get_scope_display()}, {last_use(token)}"
        )

    @admin.display(description="invitation")
    def invited(self, user):
        invitation = Invitation.objects.select_related("created_by").filter(used_by=user).first()
        if invitation is None:
            return "none"
        note = f" ({invitation.note})" if invitation.note else ""
        used = date_format(invitation.used_at, "DATE_FORMAT") if invitation.used_at else ""
        return f"by {invitation.created_by or 'the command'}{note}, used {used}"


def may_see(staff: Any, names: Iterable[Any]) -> list[Any]:
    """The columns or fields without those that this user has no permission for."""
    return [name for name in names if name not in NEEDED or staff.has_perm(NEEDED[name])]


def last_use(row: Session | ApiToken) -> str:
    return f"last used {date_format(row.last_used_at, 'DATETIME_FORMAT')}" if row.last_used_at else "not used"


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin):
    fieldsets = [(None, {"fields": ["name", "permissions"], "description": CURATORS})]

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        security.record(f"group {form.instance.pk} changed", request)

    def log_deletions(self, request, queryset):
        for group in queryset:
            security.record(f"group {group.pk} deleted", request)
        return super().log_deletions(request, queryset)


@admin.register(Attempts)
class AttemptsAdmin(ReadOnlyAdmin):
    """Deleting rows lifts their limits. They do not show which client or account they belong to."""

    list_display = ["key", "expires_at"]


class InvitationForm(forms.ModelForm):
    days = forms.IntegerField(
        min_value=1, max_value=365, initial=services.INVITATION_DAYS, help_text="For how many days it is valid."
    )


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):
    """Adding one shows its link, once; the action replaces a link that was lost."""

    form = InvitationForm
    list_display = ["note", "created_by", "created_at", "expires_at", "used_by", "used_at", "valid"]
    list_select_related = ["created_by", "used_by"]
    list_filter = [("used_at", admin.EmptyFieldListFilter), "expires_at"]
    search_fields = ["note", "used_by__username"]
    actions = ["replace_links"]

    def get_fields(self, request, obj=None):
        return ["note", "days"] if obj is None else self.list_display

    def has_change_permission(self, request, obj=None):
        return obj is None and super().has_change_permission(request)

    def save_model(self, request, obj, form, change):
        code = obj.renew(form.cleaned_data["days"])
        obj.created_by = request.user
        super().save_model(request, obj, form, change)
        self.show(request, obj, code)

    @admin.action(
        description="Replace links of the selected invitations (the old ones stop working)", permissions=["add"]
    )
    def replace_links(self, request, queryset):
        for invitation in queryset:
            if code := services.renew_invitation(invitation):
                self.show(request, invitation, code)
            else:
                self.message_user(request, f"{invitation} has been used.", messages.WARNING)

    def show(self, request, invitation, code):
        url = services.invitation_url(code, request)
        self.message_user(request, f"{invitation}. Its link, which is shown only now: {url}", messages.SUCCESS)

    @admin.display(boolean=True)
    def valid(self, invitation):
        return invitation.is_valid


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Deleting a token revokes it."""

    list_display = ["name", "user", "scope", "hint", "created_at", "expires_at", "last_used_at"]
    list_select_related = ["user"]
    list_filter = ["scope", "last_used_at"]
    search_fields = ["name", "hint", "user__username"]
    exclude = ["key_hash", "password_hash"]

    def log_deletions(self, request, queryset):
        for token in queryset:
            security.record("token revoked", request, user_id=token.user_id)
        return super().log_deletions(request, queryset)


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    """Deleting a session ends it."""

    list_display = ["client", "user", "created_at", "last_used_at", "expires_at"]
    list_select_related = ["user"]
    list_filter = ["last_used_at"]
    search_fields = ["client", "user__username"]
    exclude = ["refresh_hash", "password_hash"]
