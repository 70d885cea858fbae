"""The page of a batch, as people see it: wide, on a phone, in the dark, and while its videos are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from django_wanvideo import batches
from django_wanvideo.models import Batch, VideoTask
from tests.browser import axe
from tests.browser.pictures import picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.person import Person

SCENES = ["cup", "portrait", "city", "mountains", "dunes", "fox", "lighthouse", "sailboat"]
STANDS = [
    "unconfirmed", "failed:content_policy_violation", "failed:service_error", "storing", "processing", "completed",
    "completed", "queued",
]  # fmt: skip


def made(owner: object) -> Batch:
    """A batch on its way, each of its tasks at another status."""
    rows = [{"first_frame": picture(scene), "name": f"{scene}-steam", "prompt": scene} for scene in SCENES]
    rows.append({"first_frame": picture("cup"), "prompt": "cup", "duration": 99})
    batch = batches.plan(rows, name="Autumn postcards", owner=owner).create(skip_problems=True)
    now = timezone.now()
    Batch.objects.filter(pk=batch.pk).update(state="submitted", submitted_at=now, submitted_by=owner)
    for task, stand in zip(batch.tasks.order_by("row_number"), STANDS, strict=True):
        status, _, code = stand.partition(":")
        columns = {"status": status, "error_code": code, "queued_at": now}
        columns |= {
            "completed": {"credits_used": task.credits_estimated, "finished_at": now, "accepted_at": now},
            "processing": {"progress": 42, "accepted_at": now, "credits_reserved": task.credits_estimated},
        }.get(status, {})
        VideoTask.objects.filter(pk=task.pk).update(**columns)
        if status == "completed":
            VideoTask.objects.filter(pk=task.pk).update(video=f"wanvideo/{task.pk}.mp4", video_size=1_400_000)
    batch.refresh_from_db()
    return batch


def address(name: str, *args: object) -> str:
    return reverse(f"admin:wanvideo_batch_{name}", args=args)


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_its_pages_fit_the_screen_and_axe_finds_nothing_serious(new_person: Callable[..., Person], phone: bool) -> None:
    source = axe.script()
    maria = new_person(phone=phone, bypass_csp=True)
    batch = made(maria.user)
    drafts = batches.plan([{"first_frame": picture("fox"), "prompt": "fox"}], name="Drafts", owner=maria.user).create(
        again=True
    )
    pages = {
        "page": address("change", batch.pk),
        "drafts": address("change", drafts.pk),
        "list": address("changelist"),
        "cancel": address("cancel", batch.pk),
        "delete": address("delete", drafts.pk),
        "tasks": reverse("admin:wanvideo_videotask_changelist") + f"?batch={batch.pk}",
    }
    found = []
    for name, url in pages.items():
        maria.page.goto(url)
        maria.page.wait_for_load_state("load")
        found += [f"{name}: {problem}" for problem in axe.look_at(maria, source)]
    assert not found, "\n".join(found)


def test_it_follows_its_videos_without_moving_them(maria: Person) -> None:
    batch = made(maria.user)
    page = maria.page
    page.goto(address("change", batch.pk))
    expect(page.locator(".wv-stage-now").get_by_text("5 of 8 done")).to_be_visible()
    expect(page.get_by_text("Live: 3 on their way")).to_be_visible()
    names = page.locator(".wv-tile-name").all_text_contents()
    maria.mark()
    page.get_by_role("link", name="Decide…").focus()
    task = batch.tasks.get(status="processing")
    VideoTask.objects.filter(pk=task.pk).update(
        status="completed", credits_used=task.credits_estimated, finished_at=timezone.now()
    )
    expect(page.locator(".wv-stage-now").get_by_text("6 of 8 done: 3 ready, 2 failed")).to_be_visible()
    expect(page.locator("[data-wanvideo-say]")).to_contain_text("6 of 8 done")
    expect(page.locator(f'[data-wanvideo-tile="{task.pk}"]')).to_contain_text("Completed")
    expect(page.get_by_text("Live: 2 on their way")).to_be_visible()
    assert page.locator(".wv-tile-name").all_text_contents() == names
    assert page.evaluate("document.activeElement.textContent").startswith("Decide…")
    assert maria.is_marked()
    VideoTask.objects.filter(batch=batch, status__in=["storing", "queued"]).update(status="completed")
    expect(page.get_by_text("Up to date")).to_be_visible()


def test_one_press_retries_and_a_second_page_pays_nothing(maria: Person) -> None:
    batch = made(maria.user)
    VideoTask.objects.filter(batch=batch, status__in=["storing", "queued", "processing"]).update(status="completed")
    page, second = maria.page, maria.context.new_page()
    for one in (page, second):
        one.goto(address("change", batch.pk))
    page.get_by_role("button", name="Retry 1 for about 11.9 credits").click()
    expect(page.get_by_text("tried again one by one")).to_be_visible()
    second.get_by_role("button", name="Retry 1 for about 11.9 credits").click()
    expect(second.get_by_text("nothing is done a second time")).to_be_visible()
    assert batch.events.filter(kind="retried").count() == 1
