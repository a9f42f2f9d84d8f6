"""The admin's page "Import a file": any file that the readers know, for one user, with a preview first.

The upload is kept in CACHE_DIR between preview and import, and the page carries a signed token for it. Upstreams are
slow, so each request works for some seconds only: finished rows are remembered, and the next request continues.
"""

import contextlib
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.core.files.storage import FileSystemStorage
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from catalog.json_fields import InvalidValue
from catalog.json_limits import is_overloaded
from selections.admin.years import PersonField, WeekNameField
from selections.models import Week
from selections.weeks import YearWeek, any_of

from . import own_json, readers, restoring
from .importing import Importer
from .kept_rows import fingerprints
from .outcomes import STATES, Outcome
from .readers import FileError, Reading, dates

SECONDS = 5  # for which a request works on rows; it still waits for upstreams that it has asked by then
KEPT = 24 * 3600  # seconds that a file can be imported after its preview
MAX_SHOWN = 200  # rows in each table
SALT = "selections.transfer.import_page"
UNDECIDED = {"review", "full", "failed"}
# An import adds weeks and picks, and notes to weeks that have none.
NEEDED = [f"selections.{code}" for code in ("add_week", "change_week", "add_weekmovie", "add_weekalbum")]
WHOLE_ACCOUNT = ["selections.add_opinion", "accounts.change_user"]
EXPIRED = "This preview has expired, or was made on another server. Choose the file again."
NO_ROOM = "The file cannot be stored on the server. Check the folder CACHE_DIR, then try again."
BUSY = "Another import is running. Try again in a few seconds."
NOT_WHOLE = (
    "This file restores a whole account with its opinions. Ask a superuser to import it, or its owner to use the API."
)
NO_OPINIONS = "Ratings and reviews are left out: you do not have permission to add opinions for other people."
NO_PLANS = "The watchlist is left out: you do not have permission to fill other people's shortlists."


class ImportForm(forms.Form):
    user = PersonField(label="Person")
    file = forms.FileField(
        help_text=f"An export of {readers.PROGRAMS}, or any CSV with a week or date and an id or title; also this "
        "site's own CSV and JSON. The format is recognized.",
        error_messages={"required": "Choose a file.", "empty": "The file is empty."},
    )
    kind = forms.ChoiceField(
        choices=[("", "as the file says"), ("movie", "movies"), ("album", "albums")],
        required=False,
        label="Rows are",
        help_text="For a CSV that lists only movies or only albums without saying so.",
    )
    dates = forms.ChoiceField(
        choices=[("", "as the file shows"), *dates.ORDERS.items()],
        required=False,
        label="Dates begin with",
        help_text="Only for a file whose dates, such as 1/2/2024, could be read both ways.",
    )
    first_week = WeekNameField(
        required=False,
        label="First week",
        help_text="Such as 2024-W01. Rows without a week fill the free positions from there on.",
    )
    next_free_week = forms.BooleanField(required=False, label="Move picks whose week is full to the next free week")
    again = forms.BooleanField(
        required=False, label="Also import picks that were imported before and have been removed since"
    )

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > settings.IMPORT_MAX_MB * 1_000_000:
            raise forms.ValidationError(
                f"The file is larger than {settings.IMPORT_MAX_MB:g} MB. Split it into several."
            )
        return file


@dataclass
class Upload:
    """A stored file, how it is to be imported, and how far the import has come."""

    stored_as: str
    name: str  # on the computer that it comes from
    staff: int
    user: int
    kind: str
    dates: str
    options: dict[str, Any]  # of the Importer
    written: dict[str, int] = field(default_factory=dict)  # rows by state
    done: int = 0  # rows that the last request came to

    @property
    def path(self) -> Path:
        return Path(_uploads().path(self.stored_as))

    @property
    def token(self) -> str:
        return signing.dumps(asdict(self), salt=SALT)


@dataclass
class Result:
    """The result of an import, or of its preview, as the page shows it."""

    counts: list[tuple[int, str]]  # a number and what it counts
    remarks: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)  # places and sentences
    to_decide: list[Outcome] = field(default_factory=list)
    others: list[Outcome] = field(default_factory=list)
    done: int = 0  # rows; 0 of 0 if all are imported at once
    total: int = 0
    weeks: set[YearWeek] = field(default_factory=set)  # the weeks that were changed

    @property
    def is_finished(self) -> bool:
        return self.done == self.total


def import_view(queue, request):
    """Shows a preview of an import, then imports the file."""
    if not request.user.has_perms(NEEDED):
        raise PermissionDenied
    if request.method != "POST":
        return _page(queue, request, ImportForm(initial=request.GET.dict()))
    if "token" in request.POST:
        upload, form = _find(request), ImportForm()
        if upload is None:
            queue.message_user(request, EXPIRED, messages.ERROR)
            return HttpResponseRedirect(request.path)
    else:
        form = ImportForm(request.POST, request.FILES)
        upload = _keep(request, form) if form.is_valid() else None
        if upload is None:
            return _page(queue, request, form)
    apply = "apply" in request.POST
    try:
        person = get_user_model()._default_manager.get(pk=upload.user)
        result = _run(upload, person, request.user, apply=apply)
    except get_user_model().DoesNotExist:
        queue.message_user(request, "The account has just been deleted.", messages.ERROR)
        return HttpResponseRedirect(request.path)
    except restoring.ImportRunning:  # the file is kept, so that the same form can be sent again
        queue.message_user(request, BUSY, messages.ERROR)
        return _page(queue, request, form)
    except (FileError, InvalidValue) as error:
        upload.path.unlink(missing_ok=True)
        queue.message_user(request, str(error), messages.ERROR)
        return _page(queue, request, form)
    if apply:
        _log(request, person, result)
        if result.is_finished:
            upload.path.unlink(missing_ok=True)
    goes_on = apply and result.done > upload.done  # or it would never end
    upload.done = result.done if apply else 0
    shown = {"upload": upload, "person": person, "result": result, "applied": apply, "goes_on": goes_on}
    return _page(queue, request, form, **shown)


def _page(queue, request, form: ImportForm, **shown: Any):
    context = {
        **queue.admin_site.each_context(request),
        "title": "Import a file",
        "opts": queue.opts,
        "media": queue.media,
        "form": form,
        "max_shown": MAX_SHOWN,
        **shown,
    }
    return TemplateResponse(request, "admin/selections/import.html", context)


def _uploads() -> FileSystemStorage:
    """Files that only the server reads."""
    folder = Path(settings.CACHE_DIR) / "uploads"
    return FileSystemStorage(folder, file_permissions_mode=0o600, directory_permissions_mode=0o700)


def _keep(request, form: ImportForm) -> Upload | None:
    """The upload, stored; None, with an error in the form, if that fails. Files of older previews are deleted."""
    said, uploads = form.cleaned_data, _uploads()
    try:
        named = "watchlist" if "watchlist" in said["file"].name.lower() else "file"  # which tells one of Letterboxd
        stored_as = uploads.save(f"{uuid4().hex}-{named}", said["file"])
        for name in uploads.listdir("")[1]:
            with contextlib.suppress(FileNotFoundError):
                if uploads.get_modified_time(name) < timezone.now() - timedelta(seconds=KEPT):
                    uploads.delete(name)
    except OSError:
        form.add_error("file", NO_ROOM)
        return None
    return Upload(
        stored_as=stored_as,
        name=said["file"].name,
        staff=request.user.pk,
        user=said["user"].pk,
        kind=said["kind"],
        dates=said["dates"],
        options={
            "first_week": said["first_week"],
            "overflow": "next-free-week" if said["next_free_week"] else "skip",
            "again": said["again"],
        },
    )


def _find(request) -> Upload | None:
    """The upload that a preview's page is about; only the user who uploaded it can continue."""
    try:
        upload = Upload(**signing.loads(request.POST["token"], salt=SALT, max_age=KEPT))
    except (signing.BadSignature, TypeError):  # TypeError: another version of this site has made it
        return None
    return upload if upload.staff == request.user.pk and upload.path.is_file() else None


def _run(upload: Upload, person, staff, *, apply: bool) -> Result:
    """Raises FileError, ImportRunning, or User.DoesNotExist if the account is deleted in the meantime."""

    def may(*permissions: str) -> bool:
        return person == staff or staff.has_perms(permissions)

    if readers.recognise(upload.path) == readers.JSON:
        if not may(*WHOLE_ACCOUNT):
            raise FileError(NOT_WHOLE)
        return _restore(upload, person, apply=apply)
    reading = readers.read(upload.path, zone=person.zone, kind=upload.kind, dates=upload.dates)
    if not may("selections.add_shortlistitem") and any(row.is_planned for row in reading.rows):
        reading.remarks.append(NO_PLANS)
        reading.rows = [row for row in reading.rows if not row.is_planned]
    if not may("selections.add_opinion") and any(row.has_opinion for row in reading.rows):
        reading.remarks.append(NO_OPINIONS)
        reading.rows = [replace(row, rating=None, review="") for row in reading.rows]
    return _import_rows(upload, person, reading, apply=apply)


def _restore(upload: Upload, person, *, apply: bool) -> Result:
    """Import our own JSON, in one go. Raises FileError or ImportRunning."""
    with restoring.one_at_a_time():
        if is_overloaded(upload.path.read_bytes()):
            raise FileError("This JSON has more lists and objects than an export has. Export it again.")
        data: Any = own_json.parse(upload.path)
        report = restoring.load(person, data, apply=apply, is_trusted=False)
    counts = [
        counted
        for what, new, existing, skipped in report.lines()
        for counted in ((new, f"new {what}"), (existing, f"existing {what}"), (skipped, f"{what} skipped"))
        if counted[0]
    ]
    changes = (report.weeks_created, report.notes_filled, report.rewatches_filled)
    has_changed = any((*changes, report.picks_created, report.opinions_created))
    weeks = {(week["year"], week["week_number"]) for week in data["weeks"]} if has_changed else set()
    return Result(counts, report.remarks, weeks=weeks)


def _import_rows(upload: Upload, person, reading: Reading, *, apply: bool) -> Result:
    importer = Importer(person, fingerprints(reading.rows), apply=apply, time_limit=SECONDS, **upload.options)
    outcomes = list(importer.run())
    counts = Counter(outcome.state for outcome in outcomes)
    if apply:
        # Rows that earlier requests have written count as imported before by now.
        counts["before"] -= sum(upload.written.values())
        counts.update(upload.written)
        upload.written = {state: counts[state] for state in ("new", "planned", "there")}
    counts["failed"] += len(reading.failures)
    return Result(
        [(counts[state], words) for state, words in STATES.items() if counts[state] > 0],
        reading.remarks,
        reading.failures,
        [outcome for outcome in outcomes if outcome.state in UNDECIDED],
        [outcome for outcome in outcomes if outcome.state not in UNDECIDED],
        len(outcomes),
        len(importer.outcomes),
        {outcome.week for outcome in outcomes if outcome.week and outcome.state == "new"},
    )


def _log(request, person, result: Result) -> None:
    if result.weeks:
        changed = Week.objects.select_related("user").filter(any_of(result.weeks), user=person)
        LogEntry.objects.log_actions(request.user.pk, changed, CHANGE, "Imported from a file.")
