from http import HTTPStatus

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join

from . import security, services
from .errors import Refusal
from .models import NEVER, ApiToken, Attempts, Invitation, Session, User

THEIRS = ["weeks", "complete_weeks", "opinion_list", "open_sessions", "tokens", "invited", "last_seen"]
LAST_SEEN = "Last seen is the last sign-in, renewal of one, or use of an API token, which is known to the hour."

CURATORS = (
    "Curators read everyone's opinions and private weeks in the admin. In a week in which they take part themselves, "
    "others' opinions stay hidden from them until they give their own, or the week is over. The same goes for "
    "superusers."
)


# What the log named `security` says when these fields change.
EVENTS = {
    "email": "address changed",
    "visibility": "visibility changed",
    "is_staff": "staff rights changed",
    "is_superuser": "staff rights changed",
    "groups": "staff rights changed",
    "user_permissions": "staff rights changed",
}


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
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
        ("What is theirs", {"fields": [*THEIRS], "description": LAST_SEEN}),
        ("Permissions", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    readonly_fields = [*THEIRS, "last_login", "date_joined"]
    add_fieldsets = [
        (None, {"classes": ["wide"], "fields": ["username", "email", "usable_password", "password1", "password2"]})
    ]
    actions = ["deactivate", "activate"]

    def get_queryset(self, request):
        return User.objects.with_counts().with_last_seen().order_by("username")

    def get_fieldsets(self, request, obj=None):
        """Only who may do everything says who else may do what."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or request.user.is_superuser:
            return fieldsets
        return [(name, {"fields": ["is_active"]} if name == "Permissions" else rest) for name, rest in fieldsets]

    def formfield_for_manytomany(self, db_field, request, **kwargs):
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        if field and db_field.name == "groups":
            field.help_text = f"{CURATORS} {field.help_text}"
        return field

    def get_readonly_fields(self, request, obj=None):
        """Nobody locks themselves out, nor everybody."""
        fields = super().get_readonly_fields(request, obj)
        if obj is None:
            return fields
        if services.is_last_superuser(obj):
            return [*fields, "is_active", "is_superuser", "is_staff"]
        return [*fields, "is_active"] if obj == request.user else fields

    def has_change_permission(self, request, obj=None):
        return self.may_touch(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        return self.may_touch(request, obj) and super().has_delete_permission(request, obj)

    @staticmethod
    def may_touch(request, obj) -> bool:
        return obj is None or services.may_touch(request.user, obj)

    def save_model(self, request, obj, form, change):
        if change and "time_zone" in form.changed_data:
            obj.time_zone_changed_at = timezone.now()
        super().save_model(request, obj, form, change)

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
        security.record("account deleted", request, user_id=obj.pk)

    def delete_queryset(self, request, queryset):
        for user in queryset:
            if self.has_delete_permission(request, user):
                self.delete_model(request, user)
            else:
                self.message_user(request, f"{user} is not yours to delete.", messages.WARNING)

    @admin.action(description="Deactivate: they can do nothing until they are activated", permissions=["change"])
    def deactivate(self, request, queryset):
        self.set_active(request, queryset, active=False)

    @admin.action(description="Activate", permissions=["change"])
    def activate(self, request, queryset):
        self.set_active(request, queryset, active=True)

    def set_active(self, request, queryset, *, active: bool) -> None:
        changed = []
        for user in queryset:
            try:
                if services.set_active(user, active=active, by=request.user):
                    self.log_change(request, user, "Activated." if active else "Deactivated.")
                    event = "account activated" if active else "account deactivated"
                    security.record(event, request, user_id=user.pk)
                    changed.append(str(user))
            except Refusal as refusal:
                self.message_user(request, f"{refusal}.", messages.WARNING)
        what = "Activated" if active else "Deactivated"
        if changed:
            self.message_user(request, f"{what} {', '.join(changed)}.", messages.SUCCESS)
        else:
            self.message_user(request, f"{what} nobody: nothing has changed.")

    def link_to_theirs(self, user, model: str, text: object, lookup: str = "user__id__exact") -> str:
        url = reverse(f"admin:{model}_changelist")
        return format_html('<a href="{}?{}={}">{}</a>', url, lookup, user.pk, text)

    @admin.display(description="weeks", ordering="week_count")
    def weeks(self, user):
        if user.week_count == 0:
            return "–"
        year = format_html('<a href="{}?user={}">year</a>', reverse("admin:selections_week_grid"), user.pk)
        return format_html("{} ({})", self.link_to_theirs(user, "selections_week", user.week_count), year)

    @admin.display(description="complete", ordering="complete_week_count")
    def complete_weeks(self, user):
        return user.complete_week_count

    @admin.display(description="last seen", ordering=Coalesce("last_seen_at", NEVER))
    def last_seen(self, user):
        if user.last_seen_at is None:
            return "never"
        return date_format(user.last_seen_at, "DATETIME_FORMAT")

    @admin.display(description="opinions")
    def opinion_list(self, user):
        return self.link_to_theirs(user, "selections_opinion", user.opinions.count())

    @admin.display(description="sessions")
    def open_sessions(self, user):
        rows = format_html_join(
            "",
            '<li>{}, last used {}: <a href="{}">End<span class="visually-hidden"> {}</span></a></li>',
            (
                (
                    session,
                    date_format(session.last_used_at, "DATETIME_FORMAT"),
                    reverse("admin:accounts_session_delete", args=[session.pk]),
                    session,
                )
                for session in Session.objects.open_for(user)[:20]
            ),
        )
        return format_html("<ul>{}</ul>", rows) if rows else "none"

    @admin.display(description="API tokens")
    def tokens(self, user):
        rows = format_html_join(
            "",
            '<li>{}, {}, {}: <a href="{}">Revoke<span class="visually-hidden"> {}</span></a></li>',
            (
                (
                    token,
                    token.get_scope_display(),
                    f"used {date_format(token.last_used_at, 'DATETIME_FORMAT')}" if token.last_used_at else "not used",
                    reverse("admin:accounts_apitoken_delete", args=[token.pk]),
                    token,
                )
                for token in user.api_tokens.all()
            ),
        )
        return format_html("<ul>{}</ul>", rows) if rows else "none"

    @admin.display(description="invitation")
    def invited(self, user):
        invitation = Invitation.objects.select_related("created_by").filter(used_by=user).first()
        if invitation is None:
            return "none: registered or was created here"
        note = f" ({invitation.note})" if invitation.note else ""
        used = date_format(invitation.used_at, "DATE_FORMAT") if invitation.used_at else ""
        return f"by {invitation.created_by or 'the command'}{note}, used {used}"


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin):
    fieldsets = [(None, {"fields": ["name", "permissions"], "description": CURATORS})]

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        security.record(f"group {form.instance.pk} changed", request)

    def delete_model(self, request, obj):
        security.record(f"group {obj.pk} deleted", request)
        super().delete_model(request, obj)

    def delete_queryset(self, request, queryset):
        for group in queryset:
            self.delete_model(request, group)


@admin.register(Attempts)
class AttemptsAdmin(admin.ModelAdmin):
    """To lift everybody's limits, by deleting the rows: whose is whose cannot be seen."""

    list_display = ["key", "expires_at"]
    readonly_fields = ["key", "times", "expires_at"]

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False


class InvitationForm(forms.ModelForm):
    days = forms.IntegerField(
        min_value=1, max_value=365, initial=services.INVITATION_DAYS, help_text="For how many days it is good."
    )


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):
    """Adding one shows its link, once; whoever lost it gets a new link by the action."""

    form = InvitationForm
    list_display = ["note", "created_by", "created_at", "expires_at", "used_by", "used_at", "good"]
    list_display_links = None
    list_select_related = ["created_by", "used_by"]
    list_filter = [("used_at", admin.EmptyFieldListFilter), "expires_at"]
    search_fields = ["note", "used_by__username"]
    fields = ["note", "days"]
    actions = ["make_new_links"]

    def has_change_permission(self, request, obj=None):
        return obj is None and super().has_change_permission(request)

    def save_model(self, request, obj, form, change):
        code = obj.renew(form.cleaned_data["days"])
        obj.created_by = request.user
        super().save_model(request, obj, form, change)
        self.show(request, obj, code)

    @admin.action(description="Make new links: the old ones end", permissions=["add"])
    def make_new_links(self, request, queryset):
        for invitation in queryset:
            if code := services.renew_invitation(invitation):
                self.show(request, invitation, code)
            else:
                self.message_user(request, f"{invitation}: it has been used.", messages.WARNING)

    def show(self, request, invitation, code):
        url = services.invitation_url(code, request)
        self.message_user(request, f"{invitation}. Its link, shown only now: {url}", messages.SUCCESS)

    @admin.display(boolean=True)
    def good(self, invitation):
        return invitation.is_good


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    """To look at, and to revoke by deleting."""

    list_display = ["name", "user", "scope", "hint", "created_at", "expires_at", "last_used_at"]
    list_select_related = ["user"]
    list_filter = ["scope", "last_used_at"]
    search_fields = ["name", "hint", "user__username"]
    exclude = ["key_hash", "password_hash"]

    def delete_model(self, request, obj):
        super().delete_model(request, obj)
        security.record("token revoked", request, user_id=obj.user_id)

    def delete_queryset(self, request, queryset):
        for token in queryset:
            self.delete_model(request, token)

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(Session)
class SessionAdmin(admin.ModelAdmin):
    """To look at, and to end by deleting."""

    list_display = ["client", "user", "created_at", "last_used_at", "expires_at"]
    list_select_related = ["user"]
    list_filter = ["last_used_at"]
    search_fields = ["client", "user__username"]
    exclude = ["refresh_hash", "password_hash"]

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False
