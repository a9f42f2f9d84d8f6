from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from rest_framework_simplejwt.token_blacklist import admin as token_admin
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from . import services
from .models import ApiToken, Attempts, Invitation, User


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    list_display = [
        "username",
        "display_name",
        "email",
        "visibility",
        "time_zone",
        "is_active",
        "is_staff",
        "date_joined",
        "last_login",
    ]
    list_filter = ["is_active", "visibility", "is_staff", "is_superuser", "date_joined"]
    search_fields = ["username", "email", "search_text"]
    date_hierarchy = "date_joined"
    fieldsets = [
        (None, {"fields": ["username", "display_name", "email", "password", "time_zone", "visibility"]}),
        ("Permissions", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    readonly_fields = ["last_login", "date_joined"]
    add_fieldsets = [
        (None, {"classes": ["wide"], "fields": ["username", "email", "usable_password", "password1", "password2"]})
    ]

    def get_fieldsets(self, request, obj=None):
        """Only who may do everything says who else may do what."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or request.user.is_superuser:
            return fieldsets
        return [(name, {"fields": ["is_active"]} if name == "Permissions" else rest) for name, rest in fieldsets]

    def has_change_permission(self, request, obj=None):
        return self.may_touch(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        return self.may_touch(request, obj) and super().has_delete_permission(request, obj)

    @staticmethod
    def may_touch(request, obj) -> bool:
        return obj is None or request.user.is_superuser or not (obj.is_superuser or obj.is_staff) or obj == request.user

    def delete_model(self, request, obj):
        services.delete_account(obj)

    def delete_queryset(self, request, queryset):
        for user in queryset:
            if self.has_delete_permission(request, user):
                services.delete_account(user)
            else:
                self.message_user(request, f"{user} is not yours to delete.", messages.WARNING)


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

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False


admin.site.unregister(OutstandingToken)


@admin.register(OutstandingToken)
class OutstandingTokenAdmin(token_admin.OutstandingTokenAdmin):
    exclude = ["token"]  # whoever reads it can sign in with it

    def get_readonly_fields(self, request, obj=None):
        return [name for name in super().get_readonly_fields(request, obj) if name != "token"]
