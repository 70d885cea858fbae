"""Every way by which something is sent, each as one press or call: to be tried below and above what may be sent alone."""

from __future__ import annotations

import contextlib
import html
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_wanvideo import batches
from django_wanvideo.batches import checking, planning, work
from django_wanvideo.choices import AttemptState, BatchState, TaskStatus
from django_wanvideo.exceptions import ApprovalRequired
from django_wanvideo.models import Batch, VideoTask
from django_wanvideo.services.resolution import decisions
from tests.admin.conftest import add_data
from tests.approvals.conftest import draft
from tests.factories import make_attempt

if TYPE_CHECKING:
    from collections.abc import Callable

PRICE = Decimal("11.9")
PASSING = {"error_code": "resource_exhausted", "error_message": "Resource exhausted."}


@dataclass(frozen=True)
class Door:
    """``send`` is the press; ``count`` tasks of 11.9 credits go through it, at which they stand at ``status``."""

    send: Callable[[Any, Any], None]
    count: int = 1
    status: TaskStatus = TaskStatus.DRAFT
    #: Whether the site's code can come this way, without a person.
    by_code: bool = True


def url(name: str, *args: Any) -> str:
    return reverse(f"admin:wanvideo_videotask_{name}", args=args)


def signed_in(by: Any) -> Client:
    client = Client()
    client.force_login(by)
    return client


def stood_at(status: TaskStatus, count: int = 1, **columns: Any) -> list[VideoTask]:
    """Tasks with an attempt behind them."""
    tasks = [draft(prompt=f"A fox trots on, {number}") for number in range(count)]
    for task in tasks:
        columns = {"status": status, "queued_at": timezone.now(), **columns}
        VideoTask.objects.filter(pk=task.pk).update(**columns)
        is_failed = status == TaskStatus.FAILED
        state = AttemptState.NOT_ACCEPTED if is_failed else AttemptState.UNCONFIRMED
        make_attempt(task, state, sent_at=timezone.now())
        task.refresh_from_db()
    return tasks


def failed(count: int = 1, **columns: Any) -> list[VideoTask]:
    return stood_at(TaskStatus.FAILED, count, **PASSING, **columns)


def _hidden(page: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.content.decode())
    assert found, name
    return html.unescape(found[1])


# Doors ----------------------------------------------------------------------------------------------------------------


def submit(by: Any, _world: Any) -> None:
    with contextlib.suppress(ApprovalRequired):
        draft().submit(by=by)


def submit_at_once(by: Any, _world: Any) -> None:
    with contextlib.suppress(ApprovalRequired):
        draft().submit(by=by, wait=False)


def retry(by: Any, _world: Any) -> None:
    with contextlib.suppress(ApprovalRequired):
        failed()[0].retry(by=by)


def resend(by: Any, _world: Any) -> None:
    with contextlib.suppress(ApprovalRequired):
        decisions.resend(stood_at(TaskStatus.UNCONFIRMED)[0], by=by)


def add_form(by: Any, _world: Any) -> None:
    data = add_data(_generate="1", _save=None, shown_credits="11.9")
    assert signed_in(by).post(url("add"), data).status_code == 302


def change_form(by: Any, _world: Any) -> None:
    task, client = draft(owner=by), signed_in(by)
    page = client.get(url("change", task.pk))
    data = add_data(first_frame_file=None, _generate="1", _save=None, shown_credits="11.9", prompt=task.prompt)
    data |= {
        "first_frame_url": "https://example.com/fox.jpg",
        "idempotency_key": _hidden(page, "idempotency_key"),
        "seen": _hidden(page, "seen"),
        "shown_model": task.model,
    }
    assert client.post(url("change", task.pk), data).status_code == 302


def retry_button(by: Any, _world: Any) -> None:
    (task,), client = failed(), signed_in(by)
    page = client.get(url("change", task.pk))
    client.post(url("operate", task.pk, "retry"), {"quote": _hidden(page, "quote")})


def resolve_page(by: Any, _world: Any) -> None:
    (task,) = stood_at(TaskStatus.UNCONFIRMED)
    signed_in(by).post(url("resolve", task.pk), {"decision": "send_again", "twice": "1"})


def _plan(by: Any, action: str, tasks: list[VideoTask]) -> None:
    client = signed_in(by)
    page = client.post(
        url("changelist"), {"action": action, "_selected_action": [str(task.pk) for task in tasks]}, follow=True
    )
    data: dict[str, Any] = {"plan": _hidden(page, "plan")}
    if action == "retry_selected":
        data |= {
            "shown": _hidden(page, "shown"),
            "t": re.findall(r'name="t" value="(\d+)"[^>]* checked', page.content.decode()),
        }
    client.post(url("send"), data)


def selection(by: Any, _world: Any) -> None:
    _plan(by, "submit_selected", [draft(prompt=f"fox {number}") for number in range(3)])


def retry_plan(by: Any, _world: Any) -> None:
    _plan(by, "retry_selected", failed(3))


def make_takes(by: Any, _world: Any) -> None:
    task = draft(owner=by)
    data = {"shown_credits": "35.7", "_generate": "1", "repeats": "3"}
    assert signed_in(by).post(url("make_takes", task.pk), data).status_code == 302
    # What they were made from was not sent.
    task.delete()


def made_batch(count: int = 3, **options: Any) -> Batch:
    rows = [{"first_frame": f"https://example.com/{n}.jpg", "prompt": f"fox {n}", "duration": 5} for n in range(count)]
    return batches.plan(rows, name="Spring", **options).create()


def worked(batch: Batch) -> Batch:
    """Do the workers' part until nothing is left to be done at once."""
    while True:
        Batch.objects.filter(pk=batch.pk, next_action_at__isnull=False).update(next_action_at=timezone.now())
        before = Batch.objects.filter(pk=batch.pk).values("state", "operation", "cursor").get()
        work.work(batch.pk)
        if Batch.objects.filter(pk=batch.pk).values("state", "operation", "cursor").get() == before:
            batch.refresh_from_db()
            return batch


def batch_submit(by: Any, _world: Any) -> None:
    with contextlib.suppress(ApprovalRequired):
        made_batch().submit(by=by)


def batch_confirmed(by: Any, _world: Any) -> None:
    rows = [{"first_frame": f"https://example.com/{n}.jpg", "prompt": f"fox {n}", "duration": 5} for n in range(3)]
    plan = batches.plan(rows, name="Spring", owner=by)
    batch = Batch.objects.create(name="Spring", state=BatchState.CHECKED, owner=by)
    for chunk in planning.chunked(plan._checked(batch)):
        planning.store(batch, chunk)
    batch.terms = planning.terms([], None, by.pk if by else None)
    batch.save()
    checking.confirm(batch, by=by, submit=True)


def failed_batch(count: int = 3, **columns: Any) -> Batch:
    batch = made_batch(count)
    for task in batch.tasks.all():
        make_attempt(task, AttemptState.NOT_ACCEPTED)
    earlier = timezone.now() - timezone.timedelta(hours=1)
    batch.tasks.update(status=TaskStatus.FAILED, queued_at=earlier, **PASSING, **columns)
    Batch.objects.filter(pk=batch.pk).update(state=BatchState.ENDED, submitted_at=earlier)
    batch.refresh_from_db()
    return batch


def batch_retry(by: Any, _world: Any) -> None:
    with contextlib.suppress(ApprovalRequired):
        failed_batch().retry(by=by)


def generate(by: Any, _world: Any) -> None:
    options = [
        "--image",
        "https://example.com/fox.jpg",
        "--prompt",
        "fox",
        "--param",
        "duration=5",
        "--yes",
        "--no-wait",
    ]
    with contextlib.suppress(CommandError):
        call_command("wanvideo_generate", *options, *(["--owner", by.username] if by else []))


def batch_command(by: Any, world: Any) -> None:
    table = world / "foxes.csv"
    lines = [f"https://example.com/{number}.jpg,fox {number},5" for number in range(3)]
    table.write_text("\n".join(["first_frame,prompt,duration", *lines]) + "\n")
    owner = ["--owner", by.username] if by else []
    # Of a run before, which has made a part of the rows.
    first = world / "part" / "foxes.csv"
    first.parent.mkdir()
    first.write_text("\n".join(["first_frame,prompt,duration", *lines[:1]]) + "\n")
    call_command("wanvideo_batch", str(first), "--drafts", *owner)
    Batch.objects.update(source_sha256=batches.tables.read(table).sha256)
    with contextlib.suppress(CommandError):
        call_command("wanvideo_batch", str(table), "--submit", *owner)


DOORS = {
    "task.submit": Door(submit),
    "task.submit(wait=False)": Door(submit_at_once),
    "task.retry": Door(retry, status=TaskStatus.FAILED),
    "decisions.resend": Door(resend, status=TaskStatus.UNCONFIRMED),
    "add form": Door(add_form, by_code=False),
    "change form": Door(change_form, by_code=False),
    "retry button": Door(retry_button, status=TaskStatus.FAILED, by_code=False),
    "decision page": Door(resolve_page, status=TaskStatus.UNCONFIRMED, by_code=False),
    "selection": Door(selection, 3, by_code=False),
    "retry plan": Door(retry_plan, 3, status=TaskStatus.FAILED, by_code=False),
    "make takes": Door(make_takes, 3, by_code=False),
    "batch.submit": Door(batch_submit, 3),
    "batch.retry": Door(batch_retry, 3, status=TaskStatus.FAILED),
    "check of a batch": Door(batch_confirmed, 3),
    "wanvideo_generate": Door(generate),
    "wanvideo_batch": Door(batch_command, 3),
}
