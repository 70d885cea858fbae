"""Tables that people get: what they gave with what became of it, and an empty one to begin with."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Literal

from django_wanvideo.batches import inputs, rows
from django_wanvideo.batches.tables import columns, csv_files, excel
from django_wanvideo.batches.wording import Problem
from django_wanvideo.models import VideoTask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from django_wanvideo.catalog import ModelSpec
    from django_wanvideo.models import Batch, BatchItem

Kind = Literal["csv", "xlsx"]
#: Rows that are read at a time.
CHUNK = 500


def export(
    batch: Batch, *, only_bad: bool = False, kind: Kind = "csv", tasks: QuerySet[VideoTask] | None = None
) -> Iterator[bytes]:
    """Yield the table of a batch as it was given, with what was found and what became of each row.

    Cells that programs would take for formulas are guarded by an apostrophe, which reading takes off again.

    Args:
        only_bad: only rows that something is wrong with, to be mended and given again; without columns of tasks.
        tasks: those that whoever asks may see; of other rows only the number is written.

    Raises:
        ValidationError: Excel is asked for and cannot be written here.
    """
    given = _columns(batch)
    added = columns.OF_PROBLEMS if only_bad else columns.OF_TASKS
    lines = itertools.chain([[*given, *added]], _lines(batch, given, tasks, only_bad=only_bad))
    return _written(kind, lines)


def template(spec: ModelSpec, *, kind: Kind = "csv") -> Iterator[bytes]:
    """Yield a table with the columns that a model understands, and one row as an example."""
    example: dict[str, Any] = {}
    needed = {item.role.value for item in spec.inputs if item.required} | {one.names[0] for one in spec.one_of}
    for item in spec.inputs:
        shown = "picture.jpg" if item.media == "image" else "https://www.example.com/clip.mp4"
        example[item.role.value] = shown if item.role.value in needed else ""
    example["prompt"] = str(spec.prompt.label)
    for parameter in spec.parameters:
        default = parameter.default
        example[parameter.name] = (
            ("yes" if default else "no") if isinstance(default, bool) else "" if default is None else default
        )
    example |= {"metadata.sku": "", "notes": "", "idempotency_key": ""}
    return _written(kind, iter([list(example), list(example.values())]))


def _written(kind: Kind, lines: Iterator[list[Any]]) -> Iterator[bytes]:
    if kind == "xlsx":
        # Before the first byte is asked for, so that it can still be said.
        excel.check_installed()
        return excel.write(lines)
    return csv_files.write(lines)


def _lines(batch: Batch, given: list[str], tasks: QuerySet[VideoTask] | None, *, only_bad: bool) -> Iterator[list[Any]]:
    items = batch.items.order_by("number")
    if only_bad:
        items = items.filter(content_sha256="")
    found = items.iterator(CHUNK)
    while chunk := list(itertools.islice(found, CHUNK)):
        made = {} if only_bad else _tasks(chunk, tasks)
        for item in chunk:
            task = made.get(item.task_id)
            is_seen = tasks is None or item.task_id is None or task is not None
            data = item.data if is_seen else {}
            line = [*(_shown(data.get(name)) for name in given), item.number]
            line.append(" ".join(map(str, _problems(item))) if is_seen else "")
            yield line if only_bad else line + _of_task(task)


def _tasks(chunk: list[BatchItem], tasks: QuerySet[VideoTask] | None) -> dict[Any, VideoTask]:
    seen = tasks if tasks is not None else VideoTask.objects.all()
    return seen.in_bulk([item.task_id for item in chunk if item.task_id is not None])


def _of_task(task: VideoTask | None) -> list[Any]:
    if task is None:
        return [""] * (len(columns.OF_TASKS) - len(columns.OF_PROBLEMS))
    error = task.error_message or task.error_code
    return [task.status, task.pk, task.credits_estimated, task.credits_used, error, task.video.name or ""]


def _problems(item: BatchItem) -> list[Problem]:
    return [Problem(**problem) for problem in item.problems]


def _columns(batch: Batch) -> list[str]:
    """Return the columns of a batch in the order in which they were given, as far as that is known."""
    if given := batch.settings.get("columns"):
        return list(given)
    names: dict[str, None] = {}
    for data in batch.items.values_list("data", flat=True).iterator(CHUNK):
        names |= dict.fromkeys(data)
    first = [*inputs.ROLES, *rows.COLUMNS]
    return sorted(names, key=lambda name: (first.index(name) if name in first else len(first), name))


def _shown(value: Any) -> Any:
    """Return a value of a row as a cell that is read as the same value."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return value
