"""Forms that were opened before others changed the same row."""

from django import forms


class ChangedOnlyForm(forms.ModelForm):
    """Changes only what was changed in it: the form sends along what it showed, and all else stays as it is stored."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and (not self.is_bound or any(name.startswith("initial-") for name in self.data)):
            for field in self.fields.values():
                field.show_hidden_initial = not field.disabled  # that of a password would be its hash

    def clean(self):
        super().clean()
        unchanged = self.fields.keys() - self.changed_data if self.instance.pk else ()
        return {name: value for name, value in self.cleaned_data.items() if name not in unchanged}
