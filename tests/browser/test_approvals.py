"""The page of what waits for a second person: nothing is ticked, the price follows the ticks, and a press sends it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import expect

from django_wanvideo.choices import ApprovalKind, TaskStatus
from django_wanvideo.exceptions import ApprovalRequired
from django_wanvideo.models import VideoTask
from django_wanvideo.services.sending import approvals, quotes
from tests.browser import factories
from tests.browser.factories import Wish

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.person import Person

DEAR = [
    Wish("dunes", factories.LONG_PROMPT[:600], "draft", 25, owner="aiko", seconds=15, quality="1080p"),
    Wish("sailboat", "The sailboat heels in a gust and passes from right to left", "draft", 120, owner="tom", seconds=15, quality="1080p"),
    Wish("lighthouse", "Slow push-in on the lighthouse at dusk", "draft", 180, owner="maria", seconds=15, quality="1080p"),
]  # fmt: skip
SMALL = [Wish("cup", f"Steam curls above the cup, {number}", "draft", 10, owner="aiko") for number in range(7)]


@pytest.fixture
def waiting(settings: Any, new_person: Any) -> Callable[[], list[VideoTask]]:
    """A function that lets three videos, and seven small ones together, wait for approval."""

    def make() -> list[VideoTask]:
        settings.WANVIDEO = {**settings.WANVIDEO, "APPROVAL_ABOVE": 50}
        tasks = [factories.make(wish) for wish in DEAR]
        VideoTask.objects.filter(pk=tasks[0].pk).update(
            notes="For the loop at the trade fair: it fills the large wall."
        )
        for task in tasks:
            with pytest.raises(ApprovalRequired):
                task.submit(by=task.owner)
        small = [factories.make(wish) for wish in SMALL]
        aiko = get_user_model().objects.get(username="aiko")
        with pytest.raises(ApprovalRequired):
            approvals.admit_together({task.pk: quotes.quote(task) for task in small}, ApprovalKind.SUBMIT, by=aiko)
        return [*tasks, *small]

    return make


def test_what_waits_is_approved_at_the_price_that_follows_the_ticks(
    maria: Person, waiting: Callable[[], list[VideoTask]]
) -> None:
    tasks = waiting()
    page = maria.open("changelist")
    page.get_by_role("link", name="Approvals (10)").click()
    boxes = page.get_by_role("checkbox", name=re.compile("^Select: "))
    # One's own is there, and cannot be approved.
    expect(boxes).to_have_count(3)
    expect(page.locator("[name=t]:checked")).to_have_count(0)
    expect(page.get_by_text("You asked for this one. Somebody else has to approve it.")).to_be_visible()
    page.get_by_role("checkbox", name=re.compile("The sailboat")).check()
    expect(page.get_by_role("button", name="Approve and send 1 for about 59.62 credits")).to_be_enabled()
    page.get_by_role("checkbox", name=re.compile("Steam curls")).check()
    approve = page.get_by_role("button", name="Approve and send 8 for about 142.92 credits")
    expect(approve).to_be_enabled()
    approve.click()
    expect(page.get_by_text("8 videos were approved and are sent.")).to_be_visible()
    assert VideoTask.objects.filter(status=TaskStatus.QUEUED, approved_by=maria.user).count() == 8
    # Sent back, it is a draft whose page says why.
    page.get_by_role("checkbox", name=re.compile("The camera glides")).check()
    back = page.get_by_role("button", name="Send 1 back")
    expect(back).to_be_enabled()
    back.click()
    expect(page.locator(".errornote")).to_be_focused()
    page.get_by_label("Note to whoever asked").fill("Five seconds are enough.")
    page.get_by_role("button", name="Send 1 back").click()
    expect(page.get_by_text("1 video was sent back.")).to_be_visible()
    page = maria.open("change", tasks[0].pk)
    expect(
        page.get_by_role("heading", name=re.compile("Maria sent it back at .*“Five seconds are enough.”"))
    ).to_be_visible()
    page = maria.open("change", tasks[2].pk)
    expect(page.get_by_role("heading", name=re.compile("Waits for approval since"))).to_be_visible()


def test_without_a_script_the_price_is_shown_before_anything_is_sent(
    new_person: Callable[..., Person], waiting: Callable[[], list[VideoTask]]
) -> None:
    maria = new_person(java_script_enabled=False)
    waiting()
    page = maria.open("approvals")
    page.get_by_role("checkbox", name=re.compile("The sailboat")).check()
    page.get_by_label("Note to whoever asked").fill("Fine.")
    page.get_by_role("button", name="Approve and send the selected ones").click()
    assert not VideoTask.objects.exclude(status=TaskStatus.DRAFT).exists()
    expect(page.get_by_label("Note to whoever asked")).to_have_value("Fine.")
    page.get_by_role("button", name="Approve and send 1 for about 59.62 credits").click()
    expect(page.get_by_text("1 video was approved and is sent.")).to_be_visible()
