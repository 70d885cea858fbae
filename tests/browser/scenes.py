"""Pages of the documentation that want more than the usual rows."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils import timezone

from django_wanvideo.choices import CreditOutcome, CreditResult
from django_wanvideo.models import CreditEntry, VideoTask
from tests.browser import factories
from tests.browser.pictures import picture
from tests.spending.entries import MODELS, entry

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.person import Person

#: Days that a month's picture shows, and the most videos of one.
DAYS, MOST = 27, 9
PARTS = (
    "A fox comes out of the wood, stops and looks around",
    "The fox hears something and runs along the river",
    "It reaches the old bridge; snow begins to fall",
)


def references(maria: Person) -> Page:
    """Show a form with several pictures, which the prompt names."""
    page = maria.open("add", query="?model=wan2.7-reference-video")
    page.get_by_label("Prompt", exact=False).first.fill(
        "Image 1 walks towards the tower of Image 2 with a lantern, at dusk"
    )
    page.locator(".field-reference_images_url summary").click()
    group = page.get_by_role("group", name="Reference pictures")
    for number, scene in enumerate(("portrait", "lighthouse"), start=1):
        content = {"name": f"{scene}.jpg", "mimeType": "image/jpeg", "buffer": picture(scene).getvalue()}
        page.locator("#id_reference_images_url_files").set_input_files(content)
        group.get_by_text(f"Image {number}").first.wait_for()
    return page


def edit(maria: Person) -> Page:
    """Show the form of a model that changes a clip."""
    page = maria.open("add", query="?model=wan2.7-video-edit")
    page.get_by_label("Prompt", exact=False).first.fill(
        "Make it autumn: leaves turn red and fall, the light is low and warm"
    )
    return page


def film(maria: Person, video: bytes) -> Page:
    """Show three parts that follow each other."""
    before = VideoTask.objects.filter(prompt=PARTS[-1]).first()
    for at, prompt in enumerate(PARTS if before is None else ()):
        part = factories.make(factories.Wish("fox", prompt, "completed", 30 - at), number=80 + at, video=video)
        VideoTask.objects.filter(pk=part.pk).update(continues=before)
        before = part
    assert before is not None
    return maria.open("change", before.pk)


def spending(maria: Person) -> Page:
    """Show a month of three people's videos, always the same."""
    if CreditEntry.objects.filter(batch_label="Spring catalogue").exists():
        return maria.open("spending")
    dice = random.Random(7)
    people = [maria.user, factories.make_owner("aiko"), factories.make_owner("tomas")]
    batch = uuid.UUID(int=7, version=4)
    for day in range(DAYS):
        at = timezone.now() - dt.timedelta(days=DAYS - day)
        for _video in range(dice.randrange(MOST) if at.weekday() < 5 else 0):
            owner, label = dice.choice(people), dice.choice(["", "", "Spring catalogue"])
            columns = {"owner": owner, "owner_label": owner.get_username(), "model": dice.choice(MODELS[:2])}
            columns |= {"batch_id": batch, "batch_label": label} if label else {}
            if dice.random() < 0.08:
                columns |= {"result": CreditResult.FAILED, "outcome": CreditOutcome.RELEASED, "used": Decimal(0)}
            entry(at, **columns | {"seconds_to_video": dice.randrange(70, 240)})
    return maria.open("spending")
