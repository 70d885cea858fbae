"""How parts of a page stand to each other: what belongs on one line does, what does not touch keeps its distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import Permission
from playwright.sync_api import Locator, expect

from django_wanvideo.models import VideoTask
from tests.browser import factories
from tests.browser.test_watching import PROCESSING, live

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.person import Person


def wish(status: str) -> factories.Wish:
    """The first wish of a status."""
    return next(wish for wish in factories.WISHES if wish.status == status)


def gap(above: Locator, below: Locator) -> float:
    """Pixels between the foot of one part and the head of the next."""
    upper, lower = above.bounding_box(), below.bounding_box()
    assert upper is not None
    assert lower is not None
    return lower["y"] - upper["y"] - upper["height"]


def middle(part: Locator) -> float:
    """Where the middle of a part stands."""
    box = part.bounding_box()
    assert box is not None
    return box["y"] + box["height"] / 2


def test_the_pause_stands_on_the_line_of_its_words(maria: Person) -> None:
    task = factories.make(PROCESSING)
    page = maria.open("change", task.pk)
    expect(live(page)).to_be_visible()
    assert abs(middle(live(page)) - middle(page.get_by_role("button", name="Pause"))) <= 1.5


def test_who_may_only_look_sees_the_prompt_of_a_draft_at_a_distance(maria: Person) -> None:
    task = factories.make(wish("draft"))
    maria.user.is_superuser, maria.user.is_staff = False, True
    maria.user.save()
    maria.user.user_permissions.set(Permission.objects.filter(codename="view_videotask"))
    page = maria.open("change", task.pk)
    expect(page.locator(".wv-stage")).to_be_visible()
    assert gap(page.locator(".wv-stage"), page.get_by_role("heading", name="Prompt")) >= 16


def test_on_a_phone_what_takes_are_like_keeps_its_distance_from_the_fields(new_person: Callable[..., Person]) -> None:
    maria = new_person(phone=True)
    task = factories.make(wish("completed"), video=b"x")
    page = maria.open("make_takes", task.pk)
    assert gap(page.locator("#id_prompts"), page.get_by_role("heading", name="Like this one")) >= 16


def test_a_decision_that_is_needed_looks_like_a_link_in_the_list(maria: Person) -> None:
    task = factories.make(wish("unconfirmed"))
    VideoTask.objects.filter(pk=task.pk).update(next_action_at=None)
    link = maria.open("changelist").get_by_role("link", name="Needs a decision")
    assert "underline" in link.evaluate("link => getComputedStyle(link).textDecorationLine")
