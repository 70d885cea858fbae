"""People at work while everything goes wrong: they cancel, try again, decide, pause, and have EvoLink's books at hand."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import requests

from benchmarks.soak.plan import SLOW_EVERY

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.soak.site import Site
    from django_wanvideo.models import VideoTask

#: Seconds between two things that people do.
PACE = 0.7
#: Seconds between two looks for somebody to be called.
CALLS = 0.3
#: What becomes of one that the site has given up, in turn: most are tried again and cancelled before that is sent.
WAYS = ("cancel", "leave", "cancel", "retry")
#: Seconds that sending is paused for.
PAUSE = 2.0


class Hands:
    """Does one thing at a time. ``agreed`` counts, by prompt, the charges that a person agreed to beside the first."""

    def __init__(self, site: Site, seed: int) -> None:
        self.agreed: Counter[str] = Counter()
        #: Ids of EvoLink's that a person knew of and sent again all the same.
        self.sent_again: set[str] = set()
        self.did: Counter[str] = Counter()
        self._site = site
        self._chance = random.Random(f"{seed}:hands")
        self._next = PACE
        self._next_call = 0.0
        self._resume_at: float | None = None
        self._turn = 0
        self._called: set[str] = set()

    def pass_(self, now: float) -> None:
        """Do what people do at this second of the run."""
        self._call_back_early(now)
        if self._resume_at is not None:
            if now >= self._resume_at:
                self._resume()
            return
        if now < self._next:
            return
        self._next = now + PACE
        self._turn += 1
        steps: list[Callable[[float], None]] = [
            self._submit_draft, self._retry, self._cancel, self._decide, self._retry_slow, self._decide_in_a_pause,
        ]  # fmt: skip
        steps[self._turn % len(steps)](now)

    def end(self) -> None:
        """Leave nothing paused."""
        if self._resume_at is not None or _is_paused():
            self._resume()

    def _submit_draft(self, now: float) -> None:
        for task in _tasks("draft").order_by("created_at")[:5]:
            if task.prompt not in self._books():
                self._do("submitted a draft", task.submit)
                return

    def _retry(self, now: float) -> None:
        """Try one again that has ended, or fetch its video."""
        ended = [task for task in _tasks("failed", "cancelled").order_by("?")[:20] if "[seconds" not in task.prompt]
        fetchable = [task for task in ended if task.can_fetch_result]
        for task in fetchable[:1] or ended[:1]:
            self._try_again(task)

    def _try_again(self, task: VideoTask) -> bool:
        self.agreed[task.prompt] += not task.can_fetch_result
        return self._do("tried again", task.retry)

    def _retry_slow(self, now: float) -> None:
        """One that the site has given up and EvoLink still works on: left alone, tried again, or also cancelled."""
        from django_wanvideo.services.holds import pause

        for task in _tasks("failed").filter(error_code="never_finished"):
            way = WAYS[int(task.prompt.split()[1]) // SLOW_EVERY % len(WAYS)]
            if way == "cancel":
                # In a pause, or a worker would ask EvoLink about it before it can be cancelled.
                pause.pause()
                self._resume_at = now
                if self._try_again(task):
                    self._do("cancelled", task.cancel)
                return
            if way == "retry":
                self._try_again(task)

    def _cancel(self, now: float) -> None:
        if self._turn % 4:
            return
        for task in _tasks("queued").order_by("?")[:1]:
            self._do("cancelled", task.cancel)

    def _decide(self, now: float) -> None:
        """Attach what the books show; what they do not show was not accepted, or is sent again."""
        from django_wanvideo.services.resolution import decisions

        for task in _tasks("unconfirmed").filter(next_action_at=None).order_by("?")[:1]:
            there = self._books().get(task.prompt, [])
            if there:
                self._do("attached", partial(decisions.attach, task, there[-1], allow_earlier=True))
            elif self._chance.random() < 0.5:
                self._do("said: not accepted", partial(decisions.mark_not_accepted, task))
            else:
                self.agreed[task.prompt] += 1
                self._do("sent again", partial(decisions.resend, task))

    def _decide_in_a_pause(self, now: float) -> None:
        """Send again, in a pause, what EvoLink has; its callback comes before the request leaves."""
        from django_wanvideo.models import Attempt
        from django_wanvideo.services.holds import pause
        from django_wanvideo.services.resolution import decisions

        if _is_paused():
            # It came back with a restored database.
            self._resume()
        for task in _tasks("unconfirmed").order_by("?")[:3]:
            there = self._books().get(task.prompt, [])
            attempt = Attempt.objects.filter(task=task, state="unconfirmed").first()
            if len(there) != 1 or attempt is None:
                continue
            pause.pause()
            self._resume_at = now + PAUSE
            self.agreed[task.prompt] += 1
            if self._do("sent again", partial(decisions.resend, task)):
                self.sent_again.add(there[0])
                self._call_back(attempt, there[0])
            return

    def _resume(self) -> None:
        from django_wanvideo.services.holds import pause

        pause.resume()
        self._resume_at = None
        self.did["paused and resumed"] += 1

    def _call_back_early(self, now: float) -> None:
        """EvoLink calls back, as it may, about something that it has only begun."""
        from django_wanvideo.models import Attempt

        if now < self._next_call:
            return
        sent = Attempt.objects.filter(task__status__in=["submitting", "unconfirmed", "pending"], sent_at__isnull=False)
        begun = [
            attempt
            for attempt in sent.select_related("task").order_by("-claimed_at")[:5]
            if attempt.idempotency_key not in self._called
            # One whose answer is still awaited is seldom seen.
            and (attempt.task.status == "submitting" or self._chance.random() < 0.4)
        ]
        if not begun:
            return
        self._next_call = now + CALLS
        ids = {entry["idempotency_key"]: entry["task_id"] for entry in self._site.remote.ledger()}
        for attempt in begun:
            if attempt.idempotency_key in ids:
                self._called.add(attempt.idempotency_key)
                self._call_back(attempt, ids[attempt.idempotency_key])

    def _call_back(self, attempt: Any, provider_task_id: str) -> None:
        from django_wanvideo import callback_tokens

        with suppress(requests.RequestException):
            body = {"id": provider_task_id, "status": "processing", "progress": 10}
            requests.post(callback_tokens.url_for(attempt.pk), json=body, timeout=2)
            self.did["callbacks before the end"] += 1

    def _books(self) -> dict[str, list[str]]:
        """EvoLink's ids of what it has accepted, by prompt."""
        found: dict[str, list[str]] = {}
        for entry in self._site.remote.ledger():
            found.setdefault(entry["prompt"], []).append(entry["task_id"])
        return found

    def _do(self, name: str, step: Callable[[], object]) -> bool:
        """Do it if it is possible; who clicks a moment too late is told so."""
        from django.core.exceptions import ValidationError

        from django_wanvideo.evolink.exceptions import EvoLinkError
        from django_wanvideo.exceptions import TransitionNotAllowed

        try:
            step()
        except (TransitionNotAllowed, EvoLinkError, ValidationError, OSError):
            return False
        self.did[name] += 1
        return True


def _is_paused() -> bool:
    from django_wanvideo.services.holds import holds

    return any(hold.kind == "person" for hold in holds.standing())


def _tasks(*statuses: str) -> Any:
    from django_wanvideo.models import VideoTask

    return VideoTask.objects.filter(status__in=statuses, unmatched=False, parent=None)
