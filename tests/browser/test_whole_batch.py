"""A shop's 300 pictures, from its folder to a ZIP file of videos, with a worker that is killed on the way."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from django_wanvideo.choices import BatchEventKind, BatchState, TaskStatus
from django_wanvideo.models import Batch, VideoTask
from tests.browser.site import wait_for_idle
from tests.pictures import drawn
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.browser.person import Person
    from tests.browser.site import Site, Workers

COUNT = 300


@pytest.mark.thorough
def test_three_hundred_pictures(maria: Person, site: Site, workers: Workers, tmp_path) -> None:
    page, clicks = maria.page, 0
    before = len(list(site.simulator.ledger))
    site.simulator.accounts.first.total += 10_000
    page.goto(reverse("admin:wanvideo_batch_add"))
    pictures = [
        {
            "name": f"card-{n:03}.jpg",
            "mimeType": "image/jpeg",
            "buffer": drawn(size=(400, 400), color=(n % 256, n // 2, 90)),
        }
        for n in range(COUNT)
    ]
    clicks += 1
    page.locator("#id_pictures").set_input_files(pictures)
    expect(page.locator(".wv-given").first).to_contain_text(f"{COUNT} pictures", timeout=240_000)
    page.get_by_label("Prompt for all").fill("Slow push-in on {name}")
    check = page.get_by_role("button", name="Check", exact=True)
    expect(check).to_be_enabled(timeout=60_000)
    clicks += 1
    check.click()
    expect(page.get_by_role("heading", name=f"{COUNT} of {COUNT} videos can be made")).to_be_visible(timeout=60_000)
    clicks += 1
    page.get_by_role("button", name=f"Generate {COUNT} videos").click()
    expect(page.locator(".messagelist")).to_contain_text(f"{COUNT} videos", timeout=60_000)
    batch = Batch.objects.get()
    for least in (40, 150):
        wait_until(lambda least=least: finished(batch) >= least, f"{least} videos", 300, detail=workers.said)
        workers.kill_worker()
    wait_until(lambda: Batch.objects.get().state == BatchState.ENDED, "the end", 600, detail=workers.said)
    page.goto(reverse("admin:wanvideo_batch_change", args=[batch.pk]))
    with page.expect_download(timeout=120_000) as download:
        clicks += 1
        page.get_by_role("link", name=f"Download {COUNT} videos").click()
    target = tmp_path / "cards.zip"
    download.value.save_as(target)
    assert clicks <= 6

    assert VideoTask.objects.filter(batch=batch, status=TaskStatus.COMPLETED).count() == COUNT
    assert sorted(VideoTask.objects.values_list("row_number", flat=True)) == list(range(1, COUNT + 1))
    entries = list(site.simulator.ledger)[before:]
    assert sorted(entry.body["prompt"] for entry in entries) == [f"Slow push-in on card-{n:03}" for n in range(COUNT)]
    assert batch.events.filter(kind=BatchEventKind.FINISHED).count() == 1
    with zipfile.ZipFile(target) as packed:
        assert packed.testzip() is None
        names = packed.namelist()
        manifest = list(csv.DictReader(io.StringIO(packed.read("manifest.csv").decode("utf-8-sig"))))
    assert len(names) == COUNT + 1
    assert sorted(row["file"] for row in manifest) == sorted(set(names) - {"manifest.csv"})
    # What was handed out twice after the deaths finds nothing to do, one job after the other.
    wait_for_idle(180)


def finished(batch: Batch) -> int:
    """How many videos are stored."""
    return VideoTask.objects.filter(batch=batch, status=TaskStatus.COMPLETED).count()
