"""What a curator may write about a movie or an album."""

import unicodedata

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget, AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from catalog.models import Album, Movie, Work
from integrations import coverart, tmdb

LONGEST_TITLE = 500  # characters
BLANK = set("\u115f\u1160\u2800\u3164\uffa0")  # Unicode calls these letters and symbols, and nobody sees them

# Without line breaks, and without what turns the direction of the text behind it; as accounts has it for names.
validate_line = RegexValidator(r"\A[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*\Z", "Use one line of text.")


def validate_visible(text: str) -> None:
    """Refuse what has no sign that anybody can see."""
    if not any(unicodedata.category(sign)[0] in "LNPS" and sign not in BLANK for sign in text):
        raise ValidationError("Nobody could see this title: write another one, or leave it empty.")


class WorkForm(forms.ModelForm):
    own_title = forms.CharField(
        label="Own title",
        max_length=LONGEST_TITLE,
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

    class Meta:
        fields = ["own_title", "own_cover", "note"]


class MovieForm(WorkForm):
    own_cover = forms.CharField(
        label="Own poster",
        required=False,
        widget=AdminTextInputWidget,
        help_text="Another poster of TMDB's: its path, such as /abc.jpg, or its address; empty: the fetched one.",
    )

    class Meta(WorkForm.Meta):
        model = Movie

    def clean_own_cover(self):
        text = self.cleaned_data["own_cover"]
        path = tmdb.read_image(text) if text else ""
        if path is None or len(path) > 200:
            raise forms.ValidationError(
                "Paste the address of a poster at image.tmdb.org, or its path there, such as /abc.jpg."
            )
        return path


class AlbumForm(WorkForm):
    own_cover = forms.CharField(
        label="Own cover",
        required=False,
        widget=AdminTextInputWidget,
        help_text="A picture at coverartarchive.org or archive.org: its address; empty: the fetched one.",
    )

    class Meta(WorkForm.Meta):
        model = Album

    def clean_own_cover(self):
        text = self.cleaned_data["own_cover"]
        url = coverart.read_address(text) if text else ""
        if url is None or len(url) > 200:
            raise forms.ValidationError("Paste the address of a picture at coverartarchive.org or archive.org.")
        return url
