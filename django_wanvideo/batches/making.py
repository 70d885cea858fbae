"""Making the tasks of a batch in chunks, each row exactly once.

A chunk is one transaction that holds the batch's row: its tasks, and how far the batch is, are there together or not at
all. The unique pair of batch and row number stands behind that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.batches import inputs
from django_wanvideo.batches.given import TAKES
from django_wanvideo.choices import BatchEventKind, BatchOperation, BatchState, EventKind, EventSource, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.exceptions import IdempotencyConflict, TransitionNotAllowed
from django_wanvideo.models import Batch, BatchEvent, BatchFile, BatchItem, MediaInput, SiteState, TaskEvent, VideoTask
from django_wanvideo.models.creation import idempotency

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable, Sequence

    from django.contrib.auth.models import AbstractBaseUser

#: Rows that are made in one transaction.
CHUNK = 500
#: The row that is held by whoever confirms or makes a batch.
LOCK_NAME = "batch_lock"


def confirm(
    batch: Batch, *, by: AbstractBaseUser | None = None, submit: bool = False, again: bool | None = None
) -> None:
    """Let the rows of a checked batch be made, once, however often it is asked for.

    Args:
        submit: whether they are sent as soon as they are made.
        again: whether rows that were made before are made again; as the batch says otherwise.

    Raises:
        TransitionNotAllowed: it was confirmed or checked again already, is gone, or was never checked.
    """
    now = timezone.now()
    values: dict[str, Any] = {
        "state": BatchState.CREATING,
        "operation": BatchOperation.SUBMIT if submit else "",
        "confirmed_at": now,
        "expires_at": None,
        "next_action_at": now,
        "cursor": 0,
    }
    if again is not None:
        values["settings"] = batch.settings | {"again": again}
    if submit:
        values["submitted_by_id"] = by.pk if by is not None else None
    with database.atomic():
        # Each check has an end of its own, so another one than ``batch`` has seen is not confirmed unseen.
        seen = Batch.objects.filter(pk=batch.pk, state=BatchState.CHECKED, expires_at=batch.expires_at)
        if not seen.update(**values):
            raise TransitionNotAllowed(_("This check was confirmed before, or is gone."), action="confirm")
        record(batch, BatchEventKind.CREATED, by)
    for name, value in values.items():
        setattr(batch, name, value)


def wait_for_others() -> None:
    """Wait until no other batch is being confirmed or made, and keep the others waiting until the transaction ends.

    To be called first in it: what is made of the same rows at the same moment is seen afterwards, whatever the database.
    """
    # Written, because not every database locks what is read.
    row, now = SiteState.objects.filter(name=LOCK_NAME), {"updated_at": timezone.now()}
    if not row.update(**now):
        SiteState.objects.get_or_create(name=LOCK_NAME)
        row.update(**now)


def make_all(batch: Batch) -> None:
    """Make all rows that are left, in this process, and bring ``batch`` up to date."""
    while make_chunk(batch.pk):
        pass
    batch.refresh_from_db()


@database.in_transaction
def make_chunk(batch_id: uuid.UUID, most: int = CHUNK) -> bool:
    """Make the next rows of a batch; return whether there may be more."""
    wait_for_others()
    batch = Batch.objects.select_for_update().filter(pk=batch_id, state=BatchState.CREATING).first()
    if batch is None:
        return False
    items = list(makeable(batch).filter(number__gt=batch.cursor).order_by("number").defer("data", "problems")[:most])
    is_done = len(items) < most
    if wanted := items if batch.settings.get("again") else _without_repeats(batch, items):
        _make(batch, wanted)
    values: dict[str, Any] = {"cursor": items[-1].number if items else batch.cursor}
    if is_done:
        sends = batch.operation == BatchOperation.SUBMIT
        values = {"cursor": 0, "state": BatchState.READY, "next_action_at": timezone.now() if sends else None}
    Batch.objects.filter(pk=batch_id).update(**values)
    return not is_done


def makeable(batch: Batch) -> Any:
    """Return the rows that are made, or were: right ones, and those made before only where that is wished."""
    rows = BatchItem.objects.filter(batch=batch).exclude(content_sha256="")
    return rows if batch.settings.get("again") else rows.filter(is_repeat=False)


def known_contents(hashes: Iterable[str], *, beside: Batch | None = None) -> set[str]:
    """Return those of some contents that a batch has made a task of; ``beside`` does not count."""
    # Said aloud, because PostgreSQL does not conclude from a long list that the index is the right one.
    rows = VideoTask.objects.exclude(content_sha256="")
    if beside is not None:
        rows = rows.exclude(batch=beside)
    wanted, found = list(dict.fromkeys(filter(None, hashes))), set[str]()
    for start in range(0, len(wanted), CHUNK):
        same = rows.filter(content_sha256__in=wanted[start : start + CHUNK])
        found.update(same.order_by().values_list("content_sha256", flat=True).distinct())
    return found


def _without_repeats(batch: Batch, items: Sequence[BatchItem]) -> list[BatchItem]:
    """Leave out what another batch has made since these rows were checked."""
    known = known_contents((item.content_sha256 for item in items), beside=batch)
    if known:
        numbers = [item.number for item in items if item.content_sha256 in known]
        BatchItem.objects.filter(batch=batch, number__in=numbers).update(is_repeat=True)
    return [item for item in items if item.content_sha256 not in known]


def _make(batch: Batch, items: Sequence[BatchItem]) -> None:
    keyed = [item for item in items if item.content["key"]]
    new = [item for item in items if not item.content["key"]]
    tasks = {item.number: _task(batch, item) for item in new}
    VideoTask.objects.bulk_create(tasks.values())
    files = BatchFile.objects.in_bulk(
        {one["file"] for item in items for one in item.content["inputs"] if "file" in one}
    )
    for item in keyed:
        if (task := _with_key(batch, item, files)) is not None:
            tasks[item.number] = task
    made = [item for item in items if item.number in tasks]
    MediaInput.objects.bulk_create(media for item in made for media in _inputs(tasks[item.number], item, files))
    source = EventSource.of(batch.owner_id)
    TaskEvent.objects.bulk_create(
        TaskEvent(
            task=task,
            kind=EventKind.CREATED,
            source=source,
            actor_id=batch.owner_id,
            to_status=TaskStatus.DRAFT,
            detail={"batch": batch.name, "row": task.row_number},
        )
        for task in tasks.values()
    )
    same_row = VideoTask.objects.filter(batch_id=OuterRef("batch_id"), row_number=OuterRef("number"))
    rows = BatchItem.objects.filter(batch=batch, number__in=list(tasks))
    rows.update(task_id=Subquery(same_row.values("pk")[:1]))


def _task(batch: Batch, item: BatchItem, **columns: Any) -> VideoTask:
    content = item.content
    if batch.settings.get("way") == TAKES:
        columns |= {"take_group": batch.pk, "take_number": item.number}
    return VideoTask(
        model=content["model"],
        prompt=content["prompt"],
        parameters=content["parameters"],
        notes=content["notes"],
        metadata=content["metadata"],
        credits_estimated=item.credits_estimated,
        owner_id=batch.owner_id,
        batch=batch,
        row_number=item.number,
        content_sha256=item.content_sha256,
        **columns,
    )


def _with_key(batch: Batch, item: BatchItem, files: dict[int, BatchFile]) -> VideoTask | None:
    """Return a new task for a row with a key of its own; ``None`` where the key has made one already."""
    content = item.content
    sources: dict[str, list[Any]] = {}
    for one in content["inputs"]:
        sources.setdefault(one["role"], []).append(one.get("url") or files[one["file"]].file)
    call = idempotency.CreateCall(
        content["key"], batch.owner, content["model"], content["prompt"], content["parameters"], sources
    )
    try:
        earlier = call.earlier()
    except IdempotencyConflict as error:
        problem = {"column": "idempotency_key", "cell": content["key"], "problem": str(error), "repair": ""}
        BatchItem.objects.filter(pk=item.pk).update(problems=[problem])
        return None
    if earlier is None:
        task = _task(batch, item, **call.columns)
        # At once, so that a second row with this key finds it.
        task.save(force_insert=True)
        return task
    BatchItem.objects.filter(pk=item.pk).update(task=earlier)
    return None


def _inputs(task: VideoTask, item: BatchItem, files: dict[int, BatchFile]) -> list[MediaInput]:
    found = []
    for one in item.content["inputs"]:
        media = MediaInput(task=task, role=one["role"], position=one["position"], url=one.get("url", ""))
        if "file" in one:
            given = files[one["file"]]
            media.file, media.thumbnail = given.file.name, given.thumbnail.name
            media.sha256, media.size = given.sha256, given.size
            media.sent_width, media.sent_height = one["sent"] or (None, None)
        if "facts" in one:
            media.facts = inputs.facts_from(one["facts"])
        elif "file" in one:
            media.width, media.height = given.facts["width"], given.facts["height"]
            media.content_type = f"image/{given.facts['format'].lower()}"
        found.append(media)
    return found


def record(
    batch: Batch | uuid.UUID,
    kind: BatchEventKind,
    actor: AbstractBaseUser | None = None,
    *,
    detail: dict[str, Any] | None = None,
    is_told: bool = False,
) -> BatchEvent:
    """Write one line of a batch's history."""
    return BatchEvent.objects.create(
        batch_id=batch.pk if isinstance(batch, Batch) else batch,
        kind=kind,
        source=EventSource.of(actor),
        actor_id=actor.pk if actor is not None else None,
        detail=detail or {},
        notify_at=timezone.now() if is_told else None,
    )
