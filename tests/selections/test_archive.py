"""Our JSON there and back: nothing is lost, nothing is changed, and nothing breaks."""

import json

import pytest

from accounts import services as accounts
from accounts.models import User
from selections import archive, export, samples

pytestmark = pytest.mark.django_db


def exported(user) -> str:
    return "".join(export.to_json(user))


def comparable(text: str) -> str:
    """The file without the time of its making and without what others think, as a file again."""
    data = json.loads(text)
    del data["exported_at"]
    for week in data["weeks"]:
        for pick in [*week["movies"], *week["albums"]]:
            pick["opinions"] = [opinion for opinion in pick["opinions"] if opinion["own"]]
    return json.dumps(data)


def leave_and_come_back(user):
    accounts.delete_account(user)
    return User.objects.create_user(user.username, user.email)


@pytest.mark.parametrize("name", samples.PEOPLE)
def test_leaving_and_coming_back_with_the_file(now, name):
    samples.load()
    before = exported(User.objects.get(username=name))

    back = leave_and_come_back(User.objects.get(username=name))
    report = archive.load(back, json.loads(before), apply=True, is_trusted=False)

    after = exported(back)
    assert comparable(after) == comparable(before)
    assert (report.picks_left_out, report.opinions_left_out, report.remarks) == (0, 0, [])
