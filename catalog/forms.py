"""What a curator may write about a movie or an album."""

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget, AdminTextInputWidget

from catalog.models import Album, Movie, Work
from integrations import coverart, tmdb

LONGEST_TITLE = 500  # characters


class WorkForm(forms.ModelForm):
    own_title = forms.CharField(
        label="Own title",
        max_length=LONGEST_TITLE,
        required=False,
        widget=AdminTextInputWidget,
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
