"""What every change of weeks, picks and opinions takes first: the user's row, then the week's.

In another order two requests could lock each other out.
"""

from django.utils import timezone

from .models import Week


class Conflict(Exception):
    """A change that what is stored does not allow; `str()` says why."""

    def __init__(self, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.code = code


def lock_user(user) -> None:
    """Keep the account from being deleted until the transaction ends. Raises User.DoesNotExist if it already is."""
    there = user._meta.default_manager.select_for_update(no_key=True).filter(pk=user.pk)
    if not list(there.values_list("pk")):
        raise user._meta.model.DoesNotExist


def lock_week(week: Week) -> Week:
    """The week as it is stored; no other request changes it or its picks until the transaction ends.

    Raises Week.DoesNotExist.
    """
    stored = Week.objects.select_for_update().filter(pk=week.pk).first()
    if stored is None:
        raise Week.DoesNotExist
    return stored


def touch(week: Week) -> None:
    """Say that the week, or what is in it, has just changed."""
    Week.objects.filter(pk=week.pk).update(updated_at=timezone.now())
