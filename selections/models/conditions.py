"""Conditions that querysets of several models share."""

from django.db.models import Q

from catalog.models import Album, Movie


def visible_to(user, owner: str) -> Q:
    """Whether the user may see rows that belong to the `owner`: their own, and those of users who are not private.

    Without a user (None): whether every member may.
    """
    by_all = Q(**{f"{owner}__visibility": "members"})
    return Q(**{owner: user}) | by_all if user else by_all


def of_work(work: Movie | Album) -> Q:
    """Whether rows are about the movie, or about any edition of the album."""
    if isinstance(work, Album):
        same, group = Album.objects.order_by(), Album.objects.order_by().filter(pk=work.pk).values("release_group_id")
        return Q(album__in=same.filter(Q(pk=work.pk) | Q(release_group_id=group[:1])).values("pk"))
    return Q(**{work.kind: work})
