"""Batches as the services leave them, for looking at their pages."""

from __future__ import annotations

from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone

from django_wanvideo import batches
from django_wanvideo.models import Batch, BatchItem, VideoTask

LINK = "https://pictures.example"


def url(name, *args):
    """The address of a page of batches."""
    return reverse(f"admin:wanvideo_batch_{name}", args=args)


def made(owner=None, count=4, *, name="Autumn postcards", bad=0):
    """A batch of drafts whose pictures are links, ``bad`` rows of it left out."""
    rows = [{"first_frame": f"{LINK}/fox-{n}.jpg", "prompt": f"fox {n}", "duration": 5} for n in range(1, count + 1)]
    rows += [{"first_frame": f"{LINK}/x.jpg", "prompt": "x", "duration": 99}] * bad
    return batches.plan(rows, name=name, owner=owner).create(skip_problems=bool(bad), again=True)


def standing(batch, *statuses, **columns):
    """Put the tasks of a batch at ``statuses`` one after the other, as they are some time after it was sent."""
    now = timezone.now()
    Batch.objects.filter(pk=batch.pk).update(state="submitted", submitted_at=now, submitted_by=batch.owner)
    for task, status in zip(batch.tasks.order_by("row_number"), statuses, strict=True):
        code, _, error = status.partition(":")
        values = {"status": code, "error_code": error, "queued_at": now, **columns}
        if code == "completed":
            values |= {"credits_used": task.credits_estimated, "finished_at": now, "accepted_at": now}
        if code in {"failed", "cancelled"}:
            values["finished_at"] = now
        if code in {"pending", "processing", "storing"}:
            values |= {"accepted_at": now, "credits_reserved": task.credits_estimated}
        VideoTask.objects.filter(pk=task.pk).update(**values)
    batch.refresh_from_db()
    return batch


def filmed(task, content=b"film"):
    """Give a task its video."""
    task.video.save("v.mp4", ContentFile(content), save=False)
    values = {"video": task.video.name, "video_size": len(content), "video_sha256": "5e" * 32}
    VideoTask.objects.filter(pk=task.pk).update(**values)


def many(owner, count):
    """A batch of ``count`` rows without pictures, at statuses of every kind."""
    batch = Batch.objects.create(name="Many", owner=owner, state="submitted", submitted_at=timezone.now())
    kinds = ["completed", "failed", "queued", "processing", "unconfirmed", "storing", "cancelled", "pending"]
    VideoTask.objects.bulk_create(
        VideoTask(
            batch=batch,
            row_number=n,
            owner=owner,
            model="wan2.6-image-to-video-flash",
            prompt=f"row {n}",
            parameters={"duration": 5},
            credits_estimated="11.9",
            status=kinds[n % len(kinds)],
            error_code=("service_error" if n % 3 else "content_policy_violation") if n % len(kinds) == 1 else "",
        )
        for n in range(1, count + 1)
    )
    BatchItem.objects.bulk_create(
        BatchItem(batch=batch, number=n, data={"name": f"name {n}"}, content_sha256="1" * 64)
        for n in range(1, count + 1)
    )
    return batch
