"""Telling every outcome once: signals, delivered from committed events, receiver by receiver."""

from __future__ import annotations

import datetime as dt
import logging
import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from django.utils import timezone
from rq.timeouts import BaseTimeoutException

from django_wanvideo import signals
from django_wanvideo.choices import BatchEventKind, EventKind, EventSource
from django_wanvideo.db import timestamps
from django_wanvideo.db.database import insist
from django_wanvideo.models import Batch, BatchEvent, TaskEvent, VideoTask, lifecycle
from django_wanvideo.services.installation import installation

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from django.db.models import Model, Q, QuerySet
    from django.dispatch import Signal

    Event = TaskEvent | BatchEvent
    Collect = Callable[[Event], BaseTimeoutException | None]

logger = logging.getLogger(__name__)
_random = random.SystemRandom()

#: How long the receivers of one signal may take before they are taken for dead and told again: longer than RQ lets a
#: job run (900 seconds, and 60 more before it kills the process).
LEASE = dt.timedelta(seconds=1000)
#: How often a receiver is called for one event when the process ends inside of it.
MOST_CALLS = 3

SIGNALS: Mapping[str, tuple[Signal, ...]] = {
    EventKind.ACCEPTED: (signals.video_submitted,),
    EventKind.STORED: (signals.video_completed, signals.video_finished),
    EventKind.FAILED: (signals.video_failed, signals.video_finished),
    EventKind.CANCELLED: (signals.video_cancelled, signals.video_finished),
    EventKind.OVERDUE: (signals.video_needs_attention,),
    EventKind.NEEDS_DECISION: (signals.video_needs_attention,),
    EventKind.PICKED: (signals.video_picked,),
}
BATCH_SIGNALS: Mapping[str, tuple[Signal, ...]] = {BatchEventKind.FINISHED: (signals.batch_finished,)}


@dataclass(frozen=True)
class Receiver:
    """One receiver of one signal. ``key`` tells it from the others in the row of an event, ``name`` is for people."""

    key: str
    name: str
    signal: Signal
    function: Callable[..., Any]
    is_async: bool

    def call(self, **named: Any) -> Any:
        """Return what the receiver returns, or the exception that it raised, as ``Signal.send_robust`` does."""
        function = async_to_sync(self.function) if self.is_async else self.function
        try:
            return function(signal=self.signal, **named)
        except Exception as error:
            return error


def is_due(at: dt.datetime | None = None) -> Q:
    """A condition on events: one is to be told, and no worker is at it."""
    return timestamps.is_over("notify_at", LEASE, at)


def deliver(task_id: uuid.UUID, collect: Collect | None = None) -> int:
    """Deliver the signals of a task's untold events, oldest first; return how many events were told.

    Args:
        collect: called with each event before it counts as told; again where a worker died before that. Returns the end
            of the job's time, if it came meanwhile.
    """
    return _deliver(TaskEvent.objects.filter(task_id=task_id), collect)


def deliver_batch(batch_id: uuid.UUID, collect: Collect | None = None) -> int:
    """Deliver the signals of a batch's untold events, as ``deliver`` does a task's."""
    return _deliver(BatchEvent.objects.filter(batch_id=batch_id), collect)


def _deliver(events: QuerySet[Any], collect: Collect | None) -> int:
    """Deliver the signals of some untold events, oldest first; return how many were told.

    An event is claimed before its receivers run, and each of them is written down as told after it has run: if the worker
    dies in between, the event is taken up where it stood when the claim has run out, with the same ``event.pk``. While an
    earlier event is claimed by another worker the later ones wait.
    """
    told = 0
    while True:
        event = events.filter(notify_at__isnull=False).order_by("id").first()
        if event is None or timestamps.stands(event.notify_at, LEASE):
            return told
        if installation.is_foreign() or not _write(event, event.delivery):
            return told
        late = _send(event)
        if collect is not None:
            late = collect(event) or late
        # Not if another worker has taken it over: what that one tells must be told again if it dies.
        told += _mark_told(event)
        if late is not None:
            raise late


def _write(event: Event, delivery: dict[str, Any]) -> bool:
    """Take an event, or take it for longer, and write down how far it is; ``False`` when another worker has it."""
    # No two workers mark with the same moment, even where clocks are coarse.
    mark = dt.timedelta(microseconds=_random.randrange(1_000_000))
    held, until = event.notify_at, timezone.now() + LEASE + mark

    def write() -> int:
        # With its own mark as well: a try before may have been committed although it looked lost.
        rows = type(event).objects.filter(pk=event.pk, notify_at__in=[held, until])
        return rows.update(notify_at=until, delivery=delivery)

    if not insist(write):
        return False
    event.notify_at, event.delivery = until, delivery
    return True


def _mark_told(event: Event) -> int:
    now = timezone.now()

    def write() -> int:
        row = type(event).objects.filter(pk=event.pk)
        done = row.filter(notify_at=event.notify_at).update(notify_at=None, notified_at=now)
        return done or row.filter(notify_at=None, notified_at=now).count()

    return insist(write)


def _send(event: Event) -> BaseTimeoutException | None:
    """Call the receivers; return the end of the job's time, if it came meanwhile, to be raised once all are told."""
    late = None
    # Read anew, as it is now.
    if isinstance(event, BatchEvent):
        named: dict[str, Any] = {"batch": Batch.objects.get(pk=event.batch_id)}
        sender: type[Model] = Batch
        wanted = BATCH_SIGNALS.get(event.kind, ())
    else:
        named, sender = {"task": VideoTask.objects.get(pk=event.task_id)}, VideoTask
        wanted = SIGNALS.get(event.kind, ())
    done: list[str] = list(event.delivery.get("done", []))
    #: How often each receiver was called that has not come to its end yet.
    calls: dict[str, int] = dict(event.delivery.get("calls", {}))
    waiting = [one for one in _receivers(wanted, sender) if one.key not in done]
    # Those in which a process has ended come last, so that the others hear of it all the same.
    for receiver in sorted(waiting, key=lambda one: calls.get(one.key, 0)):
        before = calls.pop(receiver.key, 0)
        if before >= MOST_CALLS:
            logger.error(
                "Receiver %s ended its process %d times for %s and is not called for event %s any more.",
                receiver.name,
                before,
                _name(event),
                event.pk,
            )
            _record_failure(event, receiver, "process_died", calls=before)
        else:
            if not _write(event, {"done": [*done], "calls": {**calls, receiver.key: before + 1}}):
                break
            answer = receiver.call(sender=sender, **named, event=event)
            if isinstance(answer, Exception):
                logger.error("Receiver %s failed for %s.", receiver.name, _name(event), exc_info=answer)
                # The class only: the text of a foreign error may hold anything.
                _record_failure(event, receiver, type(answer).__name__)
            if isinstance(answer, BaseTimeoutException):
                # Caught like any error of a receiver's; swallowed, the job would go on without any limit.
                late = answer
        done.append(receiver.key)
        if not _write(event, {"done": [*done], "calls": dict(calls)}):
            break
    return late


def _record_failure(event: Event, receiver: Receiver, error: str, **more: int) -> None:
    detail = {"receiver": receiver.name, "error": error, "event": event.pk, **more}
    if isinstance(event, BatchEvent):
        columns = {"kind": BatchEventKind.RECEIVER_FAILED, "source": EventSource.APPLICATION, "detail": detail}
        BatchEvent.objects.create(batch_id=event.batch_id, **columns)
        return
    lifecycle.record(event.task_id, EventKind.RECEIVER_FAILED, attempt=event.attempt, detail=detail)


def _name(event: Event) -> str:
    return f"batch {event.batch_id}" if isinstance(event, BatchEvent) else f"task {event.task_id}"


def _receivers(wanted: Iterable[Signal], sender: type[Model]) -> Iterator[Receiver]:
    """Yield the receivers of some signals, in the order in which ``send_robust`` would call them."""
    names = {id(signal): name for name, signal in vars(signals).items()}
    for signal in wanted:
        # Django has no public way to learn them; ``send_robust`` itself calls all of them in one go.
        called, awaited = signal._live_receivers(sender)  # noqa: SLF001
        seen: Counter[str] = Counter()
        for is_async, functions in ((False, called), (True, awaited)):
            for function in functions:
                name = _name_of(function)
                seen[name] += 1
                # Closures and partials share a name; they are connected in the same order in every process.
                number = f"#{seen[name]}" if seen[name] > 1 else ""
                yield Receiver(f"{names.get(id(signal), '?')}:{name}{number}", name, signal, function, is_async)


def _name_of(receiver: object) -> str:
    return f"{getattr(receiver, '__module__', '?')}.{getattr(receiver, '__qualname__', type(receiver).__name__)}"
