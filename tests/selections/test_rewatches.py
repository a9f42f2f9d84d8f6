"""Whether a user had seen or heard a pick before: set with the pick, shown with it, and kept."""

import pytest

from selections import services
from selections.models import Week
from tests.conftest import assert_problem, client_of
from tests.factories import PICKS, WORKS, WeekFactory


@pytest.fixture
def week(user, now, time_machine):
    week = WeekFactory(user=user, year=2026, week_number=7)
    time_machine.shift(60)
    return week


def path_of(week, kind, position=None):
    return f"/api/weeks/{week.pk}/{kind.name}s" + (f"/{position}" if position else "")


def named(kind, work):
    return {kind.id_field: work.external_id}


@pytest.mark.parametrize("said", [True, False, None])
def test_a_pick_says_whether_it_is_a_rewatch(api, other, week, kind, said):
    first, second = WORKS[kind.name].create_batch(2)

    answers = [
        api.post(path_of(week, kind), named(kind, first) | {"position": 1, "rewatch": said}),
        api.put(path_of(week, kind, 2), named(kind, second) | {"rewatch": said}),
    ]

    assert [(answer.status_code, answer.json()["rewatch"]) for answer in answers] == [(201, said)] * 2
    shown = client_of(other).get(f"/api/weeks/{week.pk}").json()[f"{kind.name}s"]
    assert [pick["rewatch"] for pick in shown] == [said] * 2


@pytest.mark.parametrize(("known", "said"), [(None, True), (True, False), (False, None)])
def test_a_pick_is_changed_into_a_rewatch_and_back(api, week, kind, known, said):
    there = PICKS[kind.name](week=week, rewatch=known)

    assert api.patch(path_of(week, kind, 1), {"rewatch": said}).json()["rewatch"] is said
    assert Week.objects.get().updated_at > week.updated_at
    there.refresh_from_db()
    assert (there.rewatch, there.position) == (said, 1)


@pytest.mark.parametrize("said", ["yes", "", 1, 0, []])
def test_a_rewatch_is_true_or_false(api, week, kind, said):
    there = PICKS[kind.name](week=week, rewatch=True)

    for response in (
        api.post(path_of(week, kind), named(kind, WORKS[kind.name]()) | {"position": 2, "rewatch": said}),
        api.put(path_of(week, kind, 1), named(kind, there.work) | {"rewatch": said}),
        api.patch(path_of(week, kind, 1), {"rewatch": said}),
    ):
        assert_problem(response, 422)
        assert [error["field"] for error in response.json()["errors"]] == ["rewatch"]
    assert kind.picks.objects.get().rewatch is True


def test_only_the_owner_says_it(other, week, kind):
    PICKS[kind.name](week=week)

    assert_problem(client_of(other).patch(path_of(week, kind, 1), {"rewatch": True}), 403)
    assert kind.picks.objects.get().rewatch is None


def test_picking_the_same_again_changes_only_what_is_said(api, week, kind):
    there = PICKS[kind.name](week=week, rewatch=True)

    again = api.put(path_of(week, kind, 1), named(kind, there.work))

    assert (again.status_code, again.json()["rewatch"]) == (200, True)
    assert Week.objects.get().updated_at == week.updated_at
    assert api.put(path_of(week, kind, 1), named(kind, there.work) | {"rewatch": None}).json()["rewatch"] is None
    assert kind.picks.objects.get() == there


def test_another_pick_does_not_take_over_the_rewatch(api, week, kind):
    PICKS[kind.name](week=week, rewatch=True)

    assert api.put(path_of(week, kind, 1), named(kind, WORKS[kind.name]())).json()["rewatch"] is None
    other = named(kind, WORKS[kind.name]())
    assert api.put(path_of(week, kind, 1), other | {"rewatch": False}).json()["rewatch"] is False


def test_two_picks_swap_with_their_rewatches(api, week, kind):
    first, second = (PICKS[kind.name](week=week, position=position, rewatch=position == 2) for position in (1, 2))

    assert api.patch(path_of(week, kind, 1), {"position": 2}).json()["rewatch"] is False
    moved = api.patch(path_of(week, kind, 1), {"position": 2, "rewatch": None}).json()  # the second, back again

    assert (moved["position"], moved["rewatch"]) == (2, None)
    assert dict(kind.picks.objects.values_list("pk", "rewatch")) == {first.pk: False, second.pk: None}


def test_correcting_a_wrong_match_keeps_it(week, kind):
    there = PICKS[kind.name](week=week, rewatch=True)

    services.rematch(there, WORKS[kind.name]().external_id)

    assert kind.picks.objects.get().rewatch is True
