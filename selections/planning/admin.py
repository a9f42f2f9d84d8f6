from django.contrib import admin

from catalog import pictures
from catalog.admin.fetched import ReadOnlyInline
from selections.admin.careful import CarefulAdmin
from selections.admin.searching import NameSearchAdmin
from selections.models import Challenge, ShortlistItem, ShortlistVote


class PlanAdmin(NameSearchAdmin, CarefulAdmin):
    """Members' plans: staff read them, correct the note and delete. Accounts are text, as curators cannot open them."""

    list_display_links = ["__str__"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["movie", "album"]
    facts: tuple[str, ...]  # the fields below the note

    class Media:
        css = {"all": ["selections/admin.css"]}

    def has_add_permission(self, request):
        return False

    def get_fields(self, request, obj=None):
        return ["picture", obj.kind, "note", *self.facts] if obj else []

    def get_readonly_fields(self, request, obj=None):
        return [name for name in self.get_fields(request, obj) if name != "note"]

    @admin.display(description="picture")
    def picture(self, plan):
        return pictures.picture(plan.work)


class VoteInline(ReadOnlyInline):
    model = ShortlistVote
    fields = ["voter", "created_at"]
    readonly_fields = ["voter", "created_at"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("user", "item__movie", "item__album")

    @admin.display(description="member")
    def voter(self, vote):
        return str(vote.user)


@admin.register(ShortlistItem)
class ShortlistItemAdmin(PlanAdmin):
    list_display = ["picture", "__str__", "suggested_by", "created_at"]
    list_select_related = ["user", "suggested_by", "movie", "album"]
    list_filter = ["created_at"]
    search_fields = [*PlanAdmin.search_fields, "user"]
    facts = ("suggestion_of", "created_at")
    inlines = [VoteInline]

    @admin.display(description="suggested by")
    def suggestion_of(self, item):
        return str(item.suggested_by or "–")


@admin.register(Challenge)
class ChallengeAdmin(PlanAdmin):
    list_display = ["picture", "__str__", "state", "created_at", "answered_at"]
    list_select_related = ["challenger", "member", "movie", "album"]
    list_filter = ["state", "created_at"]
    search_fields = [*PlanAdmin.search_fields, "challenger", "member"]
    facts = ("state", "pick", "created_at", "answered_at")

    @admin.display(description="pick")
    def pick(self, challenge):
        return challenge.pick or "–"
