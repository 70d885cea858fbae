"""The closing account: EvoLink's books beside the site's, task by task, file by file."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.soak.remote import Remote

#: Signals that hang on an event, by its kind.
SIGNALS = {
    "accepted": {"video_submitted"},
    "stored": {"video_completed", "video_finished"},
    "failed": {"video_failed", "video_finished"},
    "cancelled": {"video_cancelled", "video_finished"},
    "overdue": {"video_needs_decision"},
    "needs_decision": {"video_needs_decision"},
}
#: How many stored files are compared with EvoLink's own, byte by byte; of all others the checksum is.
COMPARED = 200


@dataclass
class Account:
    """Everything that the table shows."""

    posts: int = 0
    accepted: int = 0
    billed: int = 0
    bound: int = 0
    stored: int = 0
    ended_at_evolink: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    cancelled: int = 0
    unconfirmed: int = 0
    told: int = 0
    told_again: int = 0
    untold: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    #: Paid for and not stored, with the reason that people are told.
    explained: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    charged_twice: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def take(remote: Remote) -> Account:
    """Compare the books."""
    from django_wanvideo.models import VideoTask

    account = Account(posts=remote.posts())
    for fault, number in remote.faults_fired().items():
        account.faults[fault.partition(":")[0]] += number
    ledger, there = remote.ledger(), remote.tasks()
    account.accepted = len(ledger)
    account.billed = sum(float(entry["credits"]) > 0 for entry in ledger)
    prompts = Counter(entry["prompt"] for entry in ledger)
    account.charged_twice = sorted(prompt for prompt, number in prompts.items() if number > 1)
    here = {task.prompt: task for task in VideoTask.objects.all()}
    account.failed.update(task.error_code for task in here.values() if task.status == "failed")
    account.cancelled = sum(task.status == "cancelled" for task in here.values())
    account.unconfirmed = sum(task.status == "unconfirmed" for task in here.values())
    _follow_the_money(account, ledger, there, here)
    _check_files(account, remote, there, here)
    _check_signals(account)
    return account


def _follow_the_money(
    account: Account, ledger: list[dict[str, Any]], there: dict[str, dict[str, Any]], here: dict[str, Any]
) -> None:
    from django_wanvideo.models import Attempt

    held = dict(Attempt.objects.exclude(provider_task_id=None).values_list("provider_task_id", "task__prompt"))
    for entry in ledger:
        name = f"{entry['task_id']} {entry['prompt']!r}"
        task = here.get(entry["prompt"])
        bound = held.get(entry["task_id"]) == entry["prompt"]
        account.bound += bound
        ended = there[entry["task_id"]]["status"]
        if task is None:
            account.lost.append(f"{name}: the site has no such task")
        elif task.status == "completed" and bound:
            account.stored += 1
        elif ended in {"failed", "cancelled"} and task.status in {"failed", "cancelled"} and bound:
            account.ended_at_evolink += 1
        elif task.status == "unconfirmed":
            # It can still be tied to its task; a person has been asked.
            account.explained.append(f"{name}: unconfirmed")
        elif task.status == "failed" and task.error_code and bound:
            account.explained.append(f"{name}: {task.error_code}")
        else:
            account.lost.append(f"{name}: {ended} at EvoLink, {task.status} {task.error_code} here, bound: {bound}")


def _check_files(account: Account, remote: Remote, there: dict[str, dict[str, Any]], here: dict[str, Any]) -> None:
    from django_wanvideo.models import Attempt

    ids = dict(Attempt.objects.exclude(provider_task_id=None).values_list("task_id", "provider_task_id"))
    compared = 0
    for task in here.values():
        if task.status != "completed":
            continue
        with task.video.open() as file:
            content = file.read()
        whole = len(content) == task.video_size and hashlib.sha256(content).hexdigest() == task.video_sha256
        if whole and compared < COMPARED:
            compared += 1
            whole = remote.download(there[ids[task.pk]]["results"][0]) == content
        if not whole:
            account.damaged.append(str(task.pk))


def _check_signals(account: Account) -> None:
    from benchmarks.soak.watch.models import Told
    from django_wanvideo.models import TaskEvent

    heard = Counter(Told.objects.values_list("event_id", "signal"))
    account.told = len(heard)
    account.told_again = sum(heard.values()) - len(heard)
    for pk, kind in TaskEvent.objects.filter(kind__in=SIGNALS).values_list("pk", "kind"):
        account.untold += sum((pk, signal) not in heard for signal in SIGNALS[kind])
