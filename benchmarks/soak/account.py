"""The closing account: EvoLink's books beside the site's, request by request, file by file, signal by signal."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.soak.remote import Remote
    from benchmarks.soak.run import Soak
    from benchmarks.soak.watch.receivers import Told

#: Signals that hang on an event, by its kind.
SIGNALS = {
    "accepted": {"video_submitted"},
    "stored": {"video_completed", "video_finished"},
    "failed": {"video_failed", "video_finished"},
    "cancelled": {"video_cancelled", "video_finished"},
    "overdue": {"video_needs_attention"},
    "needs_decision": {"video_needs_attention"},
}
#: Ends of which a person must be able to see why, though EvoLink had the video.
UNTOLD = frozenset({"never_finished", "never_answered", "resource_not_found", "lookup_failed"})
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
    told_after_restore: int = 0
    told_where_struck: int = 0
    #: Told once more although nothing had happened to the process that told it.
    told_twice: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    #: Only rows that a restored database has lost knew of it, or a person sent it again although EvoLink's books had it.
    with_a_person: list[str] = field(default_factory=list)
    #: Paid for and not stored, with the reason that people are told.
    explained: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    charged_twice: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    #: What is wrong with the histories.
    histories: list[str] = field(default_factory=list)


def take(remote: Remote, soak: Soak, struck: set[int]) -> Account:
    """Compare the books."""
    from benchmarks.soak.watch.receivers import heard
    from django_wanvideo.health import replay
    from django_wanvideo.models import VideoTask

    account = Account(posts=remote.posts())
    for fault, number in remote.faults_fired().items():
        account.faults[fault.partition(":")[0]] += number
    ledger, there = remote.ledger(), remote.tasks()
    account.accepted = len(ledger)
    account.billed = sum(float(entry["credits"]) > 0 for entry in ledger)
    prompts = Counter(entry["prompt"] for entry in ledger)
    account.charged_twice = sorted(prompt for prompt, number in prompts.items() if number > 1 + soak.agreed[prompt])
    here = list(VideoTask.objects.all())
    account.failed.update(task.error_code for task in here if task.status == "failed")
    account.cancelled = sum(task.status == "cancelled" for task in here)
    account.unconfirmed = sum(task.status == "unconfirmed" for task in here)
    _follow_the_money(account, ledger, there, soak.between | soak.sent_again)
    _check_files(account, remote, there, here)
    _check_signals(account, list(heard()), struck)
    account.histories = [str(problem) for problem in replay.stored_problems(pruned=False)]
    return account


def _follow_the_money(
    account: Account, ledger: list[dict[str, Any]], there: dict[str, dict[str, Any]], not_ours: set[str]
) -> None:
    from django_wanvideo.models import Attempt, VideoTask

    rows = Attempt.objects.exclude(provider_task_id=None).select_related("task")
    held = {attempt.provider_task_id: attempt for attempt in rows}
    unconfirmed = set(VideoTask.objects.filter(status="unconfirmed").values_list("prompt", flat=True))
    for entry in ledger:
        attempt, ended = held.get(entry["task_id"]), there[entry["task_id"]]["status"]
        name = f"{entry['task_id']} {entry['prompt']!r}"
        task = attempt.task if attempt is not None else None
        mine = task is not None and (task.unmatched or task.prompt == entry["prompt"])
        account.bound += mine
        if attempt is not None and not mine:
            account.lost.append(f"{name}: bound to another task")
        elif ended in {"failed", "cancelled"}:
            # There is nothing to be had of it, and nothing to pay.
            account.ended_at_evolink += 1
        elif attempt is None or task is None:
            if entry["task_id"] in not_ours:
                account.with_a_person.append(name)
            elif entry["prompt"] in unconfirmed:
                account.explained.append(f"{name}: unconfirmed")
            else:
                known = _history(entry["prompt"])
                account.lost.append(f"{name}: {ended} at EvoLink, and nothing here knows its id{known}")
        elif task.status == "completed" and _source(task) == attempt:
            account.stored += 1
        elif task.status == "draft":
            # Held when its database was taken over; whoever submits it gets the video that is there.
            account.with_a_person.append(name)
        elif task.status == "failed" and task.error_code:
            known = _history(entry["prompt"]) if task.error_code in UNTOLD else ""
            account.explained.append(f"{name}: {task.error_code}{known}")
        else:
            known = _history(entry["prompt"])
            account.lost.append(
                f"{name}: {ended} at EvoLink, {task.status} {task.error_code} here, {attempt.state} {attempt.number}{known}"
            )


def _source(task: Any) -> Any:
    """Return the attempt whose video a task has: not the last one where an earlier one's video came after all."""
    from django.db.models import Q

    from django_wanvideo.choices import EventKind

    made = Q(kind=EventKind.GENERATED) | Q(detail__reason="result_came_after_all")
    event = task.events.filter(made, attempt__isnull=False).order_by("-pk").select_related("attempt").first()
    return event.attempt if event is not None else task.attempt


def _history(prompt: str) -> str:
    """Return what happened to a wish, for whoever looks for the cause."""
    from django_wanvideo.models import TaskEvent

    events = TaskEvent.objects.filter(task__prompt=prompt).order_by("pk").select_related("attempt")
    return "".join(
        f"\n    {event.created_at:%H:%M:%S.%f} {event.kind} {event.from_status}>{event.to_status} {event.source} "
        f"{event.attempt and event.attempt.number} {event.detail}"
        for event in events
    )


def _check_files(account: Account, remote: Remote, there: dict[str, dict[str, Any]], here: Iterable[Any]) -> None:
    compared = 0
    for task in here:
        if task.status != "completed":
            continue
        with task.video.open() as file:
            content = file.read()
        whole = len(content) == task.video_size and hashlib.sha256(content).hexdigest() == task.video_sha256
        if whole and compared < COMPARED:
            compared += 1
            whole = remote.download(there[_source(task).provider_task_id]["results"][0]) == content
        if not whole:
            account.damaged.append(str(task.pk))


def _check_signals(account: Account, heard: list[Told], struck: set[int]) -> None:
    from django_wanvideo.models import TaskEvent

    tellings: dict[tuple[str, int, str], list[Told]] = {}
    for told in heard:
        tellings.setdefault((told.signal, told.event, told.created_at), []).append(told)
    account.told = len(tellings)
    for (signal, event, _at), all_of_it in tellings.items():
        for before, after in pairwise(all_of_it):
            if after.age != before.age:
                account.told_after_restore += 1
            elif before.pid in struck:
                account.told_where_struck += 1
            else:
                account.told_twice.append(f"{signal} of event {event}: {before.pid}, then {after.pid}")
    events = TaskEvent.objects.filter(kind__in=SIGNALS).values_list("pk", "kind", "created_at", "task_id")
    for pk, kind, at, task_id in events:
        account.untold += [
            f"{signal} of event {pk} of {task_id}"
            for signal in SIGNALS[kind]
            if (signal, pk, at.isoformat()) not in tellings
        ]
