"""Several questions to EvoLink at a time: threads ask, and do nothing else; the caller's thread has the database.

No question is begun once EvoLink has answered one with 429, nor later than half a second after another process has noted
such an answer. What is under way by then is still heard.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import closing
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeVar

from django_wanvideo.conf import conf
from django_wanvideo.evolink.connections import before_request
from django_wanvideo.evolink.exceptions import EvoLinkError, InvalidResponse, ReadError
from django_wanvideo.services.provider import provider

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from django_wanvideo.evolink.client import EvoLinkClient
    from django_wanvideo.evolink.types import TaskSnapshot
    from django_wanvideo.models import Attempt

T = TypeVar("T")

#: Ids that one call asks about, where the site turned that on.
BATCH = 50
#: Connections that one job uses at once, and how many questions are worth one: to open another takes time as well.
CONNECTIONS, WORTH_ONE = 8, 4
#: Seconds between two looks at whether another process was asked to wait, and how long one of them allows to send.
LOOK_EVERY, ALLOWED = 0.2, 0.4


class _Withheld(Exception):  # noqa: N818 - not an error: it is asked later
    """The question may not be sent any more."""


class _Gate:
    """What every question passes right before it is sent."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_closed = False
        self._until = time.monotonic() + ALLOWED

    def keep_open(self) -> None:
        """Let questions through for ``ALLOWED`` seconds more."""
        with self._changed:
            self._until = time.monotonic() + ALLOWED
            self._changed.notify_all()

    def close(self) -> None:
        """Let none through any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def enter(self) -> None:
        """Wait until a question may be sent. Raises ``_Withheld`` once none may."""
        with self._changed:
            # The caller's thread may be busy with an answer; what it knew before has no value any more.
            while not self._is_closed and time.monotonic() >= self._until:
                self._changed.wait(1.0)
            if self._is_closed:
                raise _Withheld


def answers(client: EvoLinkClient, wanted: Sequence[tuple[T, str]]) -> Generator[tuple[T, TaskSnapshot | EvoLinkError]]:
    """Ask about tasks, and yield answers and errors as they come.

    Args:
        wanted: anything of the caller's, with EvoLink's id of a task. What is not asked any more is not yielded.

    To be closed (``contextlib.closing``): whoever leaves in between waits for nobody.
    """
    if len(wanted) <= WORTH_ONE:
        yield from _one_by_one(client, wanted)
        return
    gate, waiting = _Gate(), deque(wanted)
    found: SimpleQueue[tuple[T, TaskSnapshot | EvoLinkError] | BaseException | None] = SimpleQueue()
    # Not a pool of the standard library: the end of the process would wait for an answer that nobody wants any more.
    threads = [
        threading.Thread(target=_work, args=(client, waiting, gate, found), name="wanvideo-ask", daemon=True)
        for _number in range(min(CONNECTIONS, -(-len(wanted) // WORTH_ONE)))
    ]
    looked_at = time.monotonic()
    try:
        for thread in threads:
            thread.start()
        at_work = len(threads)
        while at_work:
            if time.monotonic() - looked_at >= LOOK_EVERY:
                looked_at = time.monotonic()
                if provider.backoff_until() is not None:
                    gate.close()
                else:
                    gate.keep_open()
            try:
                answer = found.get(timeout=LOOK_EVERY)
            except Empty:
                continue
            if answer is None:
                at_work -= 1
            elif isinstance(answer, BaseException):
                raise answer
            else:
                yield answer
    finally:
        gate.close()


def read_many(client: EvoLinkClient, attempts: list[Attempt]) -> Generator[tuple[Attempt, TaskSnapshot | EvoLinkError]]:
    """Yield answers and errors as they come; 50 ids a call where ``BATCH_READ`` is on and EvoLink offers it.

    Once EvoLink has asked the site to wait nothing further is sent, and what was not asked is not yielded.
    """
    rest = attempts
    if conf.BATCH_READ and len(attempts) > 1:
        rest = []
        for start in range(0, len(attempts), BATCH):
            chunk = attempts[start : start + BATCH]
            try:
                found = client.get_tasks([attempt.provider_task_id or "" for attempt in chunk])
            except EvoLinkError as error:
                if _not_offered(error):
                    rest.extend(attempts[start:])
                    break
                if error.http_status == 429:
                    yield chunk[0], error
                    return
                for attempt in chunk:
                    yield attempt, error
                continue
            for attempt in chunk:
                snapshot = found.get(attempt.provider_task_id or "")
                if snapshot is None:
                    rest.append(attempt)  # absent there may mean many things; ask by itself
                else:
                    yield attempt, snapshot
    if rest:
        with closing(answers(client, [(one, one.provider_task_id or "") for one in rest])) as found_one_by_one:
            yield from found_one_by_one


def _one_by_one(
    client: EvoLinkClient, wanted: Sequence[tuple[T, str]]
) -> Generator[tuple[T, TaskSnapshot | EvoLinkError]]:
    looked_at = time.monotonic()
    for mark, provider_task_id in wanted:
        if time.monotonic() - looked_at >= LOOK_EVERY:
            looked_at = time.monotonic()
            if provider.backoff_until() is not None:
                return
        answer = _ask(client, provider_task_id)
        yield mark, answer
        if isinstance(answer, EvoLinkError) and answer.http_status == 429:
            return


def _work(
    client: EvoLinkClient,
    waiting: deque[tuple[T, str]],
    gate: _Gate,
    found: SimpleQueue[tuple[T, TaskSnapshot | EvoLinkError] | BaseException | None],
) -> None:
    before_request.set(gate.enter)
    try:
        while waiting:
            try:
                mark, provider_task_id = waiting.popleft()
            except IndexError:
                break
            gate.enter()
            answer = _ask(client, provider_task_id)
            if isinstance(answer, EvoLinkError) and answer.http_status == 429:
                gate.close()
            found.put((mark, answer))
    except _Withheld:
        pass
    except BaseException as error:
        # Raised where the job is, which then fails as if it had asked by itself.
        found.put(error)
    finally:
        found.put(None)


def _ask(client: EvoLinkClient, provider_task_id: str) -> TaskSnapshot | EvoLinkError:
    try:
        return client.get_task(provider_task_id)
    except EvoLinkError as error:
        return error


def _not_offered(error: EvoLinkError) -> bool:
    """Tell whether EvoLink refuses the batch call as such: gone, or asked for in another way now."""
    # Whoever says that there is no such address: single looks find out whether EvoLink is there at all.
    if isinstance(error, InvalidResponse) or error.http_status in {404, 410}:
        return True
    return isinstance(error, ReadError) and not error.transient and error.http_status not in {None, 401, 403}
