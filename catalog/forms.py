"""Forms for the fields of movies and albums that curators may edit."""

import unicodedata
from collections.abc import Callable

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget, AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from catalog.models import OWN_FIELDS, Album, Movie, Work
from catalog.text import CONTROLS
from integrations import coverart, tmdb

MAX_TITLE = 500  # characters
MAX_ADDRESS = 200  # characters of a picture's address
BLANK = set("\u115f\u1160\u2800\u3164\uffa0")  # letters and symbols in Unicode, but invisible

# No line breaks and no control characters that change the text direction, as for names in accounts.
validate_line = RegexValidator(CONTROLS, "Use one line of text.", inverse_match=True)


def validate_visible(text: str) -> None:
    """Refuse text without any visible character."""
    if not any(unicodedata.category(character)[0] in "LNPS" and character not in BLANK for character in text):
        raise ValidationError("This title is not visible. Enter another one or leave it empty.")


class WorkForm(forms.ModelForm):
    own_title = forms.CharField(
        label="Own title",
        max_length=MAX_TITLE,
        required=False,
        widget=AdminTextInputWidget,
        validators=[validate_line, validate_visible],
        help_text=Work._meta.get_field("own_title").help_text,
    )
    note = forms.CharField(
        label="Note",
        max_length=10_000,
        required=False,
        widget=AdminTextareaWidget(attrs={"rows": 4}),
        help_text=Work._meta.get_field("note").help_text,
    )

    read_picture: Callable[[str], str | None]
    invalid_picture: str

    class Meta:
        fields = OWN_FIELDS

    def __init__(self, *args, **kwargs) -> None:
        """The form sends along what it showed, so that an old one does not undo another curator's edits."""
        super().__init__(*args, **kwargs)
        if not self.is_bound or self.add_initial_prefix("note") in self.data:
            for field in self.fields.values():
                field.show_hidden_initial = True

    def clean_own_cover(self):
        text = self.cleaned_data["own_cover"]
        picture = self.read_picture(text) if text else ""
        if picture is None or len(picture) > MAX_ADDRESS:
            raise ValidationError(self.invalid_picture)
        return picture


class MovieForm(WorkForm):
    own_cover = forms.CharField(
        label="Own poster",
        required=False,
        widget=AdminTextInputWidget,
        help_text="A poster from TMDB: its path, such as /abc.jpg, or its address. Leave empty to use the fetched one.",
    )
    read_picture = staticmethod(tmdb.read_image)
    invalid_picture = "Paste the address of a poster at image.tmdb.org, or its path there, such as /abc.jpg."

    class Meta(WorkForm.Meta):
        model = Movie


class AlbumForm(WorkForm):
    own_cover = forms.CharField(
        label="Own cover",
        required=False,
        widget=AdminTextInputWidget,
        help_text="The address of a picture at coverartarchive.org or archive.org. Leave empty to use the fetched one.",
    )
    read_picture = staticmethod(coverart.read_address)
    invalid_picture = "Paste the address of a picture at coverartarchive.org or archive.org."

    class Meta(WorkForm.Meta):
        model = Album
