"""Tasks of every kind, as a site has them after some days: for looking at pages, not at the way there."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.utils import timezone

from django_wanvideo.choices import EventKind, EventSource
from django_wanvideo.models import VideoTask, lifecycle
from tests.browser.pictures import picture
from tests.factories import make_attempt, state_of

if TYPE_CHECKING:
    from django_wanvideo.choices import TaskStatus

CREDITS = Decimal("11.9")
#: Where EvoLink has told no id.
UNKNOWN = {"submitting", "unconfirmed"}
LONG_PROMPT = (
    "The camera glides low over the dunes as the last light goes: sand streams over the crest like smoke, "
    "a line of camels crosses far away, and the shadows grow longer until only the rim of the sun is left. "
) * 8


@dataclass
class Wish:
    """One task to be made; ``minutes`` before now, further columns in ``columns``."""

    scene: str
    prompt: str
    status: str
    minutes: float
    owner: str = "maria"
    seconds: int = 5
    quality: str = "720p"
    columns: dict[str, Any] = field(default_factory=dict)


def _ended(**columns: Any) -> dict[str, Any]:
    return {"credits_reserved": CREDITS, **columns}


WISHES = [
    Wish("lighthouse", "Slow push-in on the lighthouse at dusk: the lamp turns once, waves roll in, gulls far away", "draft", 0.3),
    Wish("cup", "Steam curls above the cup; light moves across the table as if a cloud passes", "draft", 1, seconds=3),
    Wish("mountains", "Sunrise over the ridge: mist flows through the valley", "queued", 1.5, owner="jonas", quality="1080p"),
    Wish("sailboat", "The sailboat heels in a gust and passes from right to left, spray on the bow", "submitting", 2),
    Wish("city", "City at night: windows switch on one after another, the camera drifts left", "pending", 2.5, seconds=10),
    Wish("mountains", "Mist flows through the valley, the camera glides forward over the ridge", "processing", 3, owner="aiko"),
    Wish("sailboat", "Clouds race, the boat stays; time lapse of one afternoon", "storing", 5, owner="jonas"),
    Wish("cup", "The coffee is stirred by nobody, a spoon turns slowly", "unconfirmed", 26, owner="aiko"),
    Wish("fox", "A fox steps out between the firs, looks into the camera and trots on; pale morning light", "completed", 42),
    Wish("portrait", "She turns to the camera and smiles, like the actress on the poster; soft evening light", "failed", 52, owner="tom",
         columns={"error_code": "content_policy_violation", "credits_used": Decimal(0), "error_message": "Content policy violation. Your request was blocked by safety filters."}),
    Wish("dunes", LONG_PROMPT[:1500], "completed", 75, seconds=15, quality="1080p"),
    Wish("city", "Rain on the window, the lights behind it blur and sharpen", "failed", 130, owner="jonas",
         columns={"error_code": "resource_exhausted", "credits_used": Decimal(0), "error_message": "Resource exhausted."}),
    Wish("fox", "Ein Fuchs läuft durch den verschneiten Wald, ganz still", "cancelled", 180, owner="tom"),
    Wish("dunes", "قافلة من الجمال تعبر الكثبان الرملية عند الغروب، والكاميرا تتحرك ببطء إلى اليمين", "completed", 1500, owner="aiko", seconds=10),
]  # fmt: skip


def make_all(video: bytes = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2") -> dict[str, VideoTask]:
    """Make all ``WISHES``; returns one task of each status, the newest. ``video`` is the file of completed ones."""
    made: dict[str, VideoTask] = {}
    for number, wish in enumerate(WISHES):
        made.setdefault(wish.status, make(wish, number=number, video=video))
    return made


def make(wish: Wish, *, number: int = 0, video: bytes = b"") -> VideoTask:
    """Make one task with its picture, attempt and history."""
    now = timezone.now()
    task = VideoTask.objects.create_task(
        prompt=wish.prompt,
        first_frame=picture(wish.scene),
        owner=make_owner(wish.owner),
        by=make_owner(wish.owner),
        duration=wish.seconds,
        quality=wish.quality,
    )
    made_at = now - dt.timedelta(minutes=wish.minutes)
    columns: dict[str, Any] = {"created_at": made_at, "status": wish.status}
    if wish.status != "draft":
        columns["queued_at"] = made_at + dt.timedelta(seconds=20)
    if wish.status in {"pending", "processing", "storing", "completed", "failed"}:
        columns |= {"accepted_at": made_at + dt.timedelta(seconds=24), "credits_reserved": task.credits_estimated}
        columns["estimated_seconds"] = 240
    columns |= {
        "processing": {"progress": 42},
        "storing": {"progress": 100, "result_url": "https://files.example/video.mp4", "result_expires_at": now + dt.timedelta(hours=23)},
        "completed": {"progress": 100, "credits_used": task.credits_estimated, "finished_at": made_at + dt.timedelta(seconds=138)},
        "failed": {"finished_at": made_at + dt.timedelta(seconds=51)},
        "cancelled": {"finished_at": made_at + dt.timedelta(seconds=50)},
    }.get(wish.status, {})  # fmt: skip
    VideoTask.objects.filter(pk=task.pk).update(**columns | wish.columns)
    task.refresh_from_db()
    task.events.update(created_at=made_at)
    _tell_history(task, number, len(video))
    if wish.status == "completed":
        task.video.save("video.mp4", ContentFile(video), save=False)
        VideoTask.objects.filter(pk=task.pk).update(video=task.video.name, video_size=len(video))
    task.refresh_from_db()
    return task


def make_owner(name: str) -> Any:
    users = get_user_model().objects
    user = users.filter(username=name).first()
    return user or users.create_user(name, first_name=name.capitalize(), is_staff=True)


def _tell_history(task: VideoTask, number: int, film_bytes: int) -> None:
    status: TaskStatus | str = task.status
    if status == "draft":
        return
    made_at = task.created_at
    steps: list[tuple[EventKind, EventSource, float, dict[str, Any]]] = [(EventKind.QUEUED, EventSource.USER, 20, {})]
    attempt = None
    if status not in {"queued", "cancelled"}:
        sent_at = made_at + dt.timedelta(seconds=23)
        attempt = make_attempt(
            task,
            state_of(status),
            idempotency_key=f"wanvideo-{task.pk.hex}",
            provider_task_id=None if status in UNKNOWN else f"task-unified-17931{number:05d}-k3v9q2xw",
            request={
                "model": task.model,
                "prompt": task.prompt[:200],
                "image_urls": ["https://files.evolink.ai/first-frame.jpg"],
                **task.parameters,
            },
            claimed_at=made_at + dt.timedelta(seconds=21),
            sent_at=sent_at,
        )
        steps.append((EventKind.CLAIMED, EventSource.WORKER, 21, {}))
        if status == "unconfirmed":
            steps.append((EventKind.UNCONFIRMED, EventSource.WORKER, 84, {"code": "no_answer"}))
        elif status != "submitting":
            detail = {"credits_reserved": str(task.credits_reserved or CREDITS), "estimated_seconds": 240}
            steps.append((EventKind.ACCEPTED, EventSource.RESPONSE, 24, detail))
    if status == "completed":
        steps.append((EventKind.GENERATED, EventSource.CALLBACK, 131, {}))
        steps.append((EventKind.STORED, EventSource.WORKER, 138, {"size": film_bytes}))
    if status == "failed":
        steps.append((EventKind.FAILED, EventSource.POLL, 51, {"code": task.error_code}))
    if status == "cancelled":
        steps.append((EventKind.CANCELLED, EventSource.USER, 50, {}))
    for kind, source, seconds, detail in steps:
        actor = task.owner if source == EventSource.USER else None
        about = None if kind in {EventKind.QUEUED, EventKind.CANCELLED} else attempt
        lifecycle.record(task, kind, source, attempt=about, actor=actor, detail=detail)
        newest = task.events.order_by("-id")[:1].values("pk")
        task.events.filter(pk__in=list(newest.values_list("pk", flat=True))).update(
            created_at=made_at + dt.timedelta(seconds=seconds)
        )
