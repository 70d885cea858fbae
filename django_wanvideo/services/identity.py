"""Who an attempt is: derived from its task and number, so that a repeat of the same wish is known as such.

A database that was restored makes the same attempts again: under the same ``Idempotency-Key``, and with the callback
address at which EvoLink may already have told what became of the first.
"""

from __future__ import annotations

import uuid

#: Never changes: ids that were sent must be found again.
_NAMESPACE = uuid.UUID("6d9a2a5e-6f0c-5d3b-9a57-2f1f0c7f4f0e")


def attempt_id(task_id: uuid.UUID, number: int) -> uuid.UUID:
    """Return the id of a task's attempt, whose callback address and idempotency key hang on it."""
    return uuid.uuid5(_NAMESPACE, f"{task_id}:{number}")


def idempotency_key(attempt: uuid.UUID) -> str:
    """Return the ``Idempotency-Key`` of an attempt: 41 characters that EvoLink takes."""
    return f"wanvideo-{attempt.hex}"
