"""Querysets of tasks, named by adjectives."""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.db.models import OuterRef, Q, Subquery
from django.db.models.lookups import IsNull
from django.utils import timezone
from django.utils.module_loading import import_string

from django_wanvideo.choices import FINISHED_STATUSES, IN_FLIGHT_STATUSES, TaskStatus
from django_wanvideo.db import database, timestamps
from django_wanvideo.models.approvals.approved import IS_WAITING
from django_wanvideo.models.base.rows import PrimaryManager, PrimaryQuerySet

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping
    from typing import Unpack

    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.catalog.inputs import Fix
    from django_wanvideo.models import Preset, VideoTask
    from django_wanvideo.models.creation.validation import TaskOptions

_random = random.SystemRandom()

OVERDUE_STATUSES = (TaskStatus.PENDING, TaskStatus.PROCESSING)
#: What every task that needs attention is; the condition of the index by which they are found.
MAY_NEED_ATTENTION = (
    Q(status=TaskStatus.UNCONFIRMED)
    | Q(status=TaskStatus.FAILED, dismissed_at=None)
    | Q(unmatched=True, dismissed_at=None)
    | Q(status__in=OVERDUE_STATUSES, overdue_notified_at__isnull=False)
)


class VideoTaskQuerySet(PrimaryQuerySet["VideoTask"]):
    """Tasks, by what can be said of them."""

    def unfinished(self) -> VideoTaskQuerySet:
        """Those that something will still happen to."""
        return self.exclude(status__in=FINISHED_STATUSES)

    def finished(self) -> VideoTaskQuerySet:
        """Those that have reached an end."""
        return self.filter(status__in=FINISHED_STATUSES)

    def in_flight(self) -> VideoTaskQuerySet:
        """Those that EvoLink has, or may have."""
        return self.filter(status__in=IN_FLIGHT_STATUSES)

    def due(self, at: dt.datetime | None = None) -> VideoTaskQuerySet:
        """Those that the sweep has something to do for, and that no worker holds."""
        free = Q(lease_expires_at=None) | timestamps.is_over("lease_expires_at", timestamps.LONGEST_LEASE, at)
        return self.filter(timestamps.is_due(at)).filter(free)

    def claim_due(self, visibility_timeout: dt.timedelta, *, order: str, most: int) -> tuple[int, list[uuid.UUID]]:
        """Take due tasks for one pass of the sweep: they are due again after a while, and no other pass takes them.

        Returns:
            How many were due, and which of them are ours.
        """
        now = timezone.now()
        # No two passes mark with the same moment, even where clocks are coarse.
        mark = now + visibility_timeout + dt.timedelta(microseconds=_random.randrange(1_000_000))
        rows = self.due(now).order_by(order)
        if database.connection().features.has_select_for_update_skip_locked:
            # Waits for nobody, so that two passes and the workers can never wait for each other in a circle.
            with database.atomic():
                ours = [task.pk for task in rows.select_for_update(skip_locked=True).only("pk")[:most]]
                if ours:
                    self.model.objects.filter(pk__in=ours).update(next_action_at=mark)
            return len(ours), ours
        pks = list(rows.values_list("pk", flat=True)[:most])
        if not pks:
            return 0, []
        self.due(now).filter(pk__in=pks).update(next_action_at=mark)
        marked = self.filter(pk__in=pks, next_action_at=mark)
        return len(pks), list(marked.order_by(order).values_list("pk", flat=True))

    def owned_by(self, user: AbstractBaseUser) -> VideoTaskQuerySet:
        """Those of one person."""
        return self.filter(owner_id=user.pk)

    def needing_attention(self) -> VideoTaskQuerySet:
        """Those that wait for a person: unconfirmed, overdue, failed, or of a wish that nobody here knows.

        A failure, or an unknown wish, that somebody dismissed does not wait any more, nor a failure of which a copy is
        completed.
        """
        copies = type(self)(self.model).filter(parent_id=OuterRef("pk"), status=TaskStatus.COMPLETED)
        # Not EXISTS: PostgreSQL would rather read all completed tasks once than look at the copies of each row.
        is_unresolved = IsNull(Subquery(copies.order_by().values("pk")[:1]), True)
        found = self.filter(MAY_NEED_ATTENTION)
        return found.filter(~Q(status=TaskStatus.FAILED) | Q(unmatched=True) | Q(is_unresolved))

    def waiting_for_approval(self) -> VideoTaskQuerySet:
        """Those that are sent only once a second person has agreed."""
        return self.filter(IS_WAITING)

    def expiring(self, within: dt.timedelta = dt.timedelta(hours=6)) -> VideoTaskQuerySet:
        """Those whose video is not stored yet and whose link ends soon."""
        return self.filter(status=TaskStatus.STORING, result_expires_at__lte=timezone.now() + within)


_TaskManager = PrimaryManager.from_queryset(VideoTaskQuerySet)


class VideoTaskManager(_TaskManager["VideoTask"]):
    """Adds the one way to make a task."""

    def create_task(
        self,
        prompt: str = "",
        first_frame: Any = None,
        *,
        preset: Preset | str | None = None,
        model: str | None = None,
        owner: AbstractBaseUser | None = None,
        metadata: Mapping[str, Any] | None = None,
        notes: str | None = "",
        parent: VideoTask | None = None,
        by: AbstractBaseUser | None = None,
        idempotency_key: str | None = None,
        fix_inputs: Fix = False,
        **options: Unpack[TaskOptions],
    ) -> VideoTask:
        """Make a draft that is known to be acceptable; nothing is sent and nothing costs anything yet.

        Args:
            prompt: what the video shows. Line ends become LF, blank ends go, as in the admin's form.
            first_frame: a link (http or https), an open file, a ``pathlib.Path``, the file of a model's field, or a
                stored ``MediaInput``.
            preset: or its short name, the owner's own before one for everyone: its model, prompt and parameters are used
                where the call gives none. ``{name}`` in its prompt is the name of the first file, without extension.
            model: id in the catalogue; the setting ``DEFAULT_MODEL`` otherwise.
            metadata: a JSON object for the site's own code.
            by: who made it, for the history; the owner otherwise.
            idempotency_key: the caller's own name for this wish, one for each owner. The same call again gives the same
                task; model, prompt, parameters and inputs make it the same, other arguments do not matter.
            fix_inputs: whether a picture that the model does not take as it is, because it is too large, an AVIF, TIFF
                or HEIC, or has an alpha channel that nothing shows through, is sent as a JPEG that fits; the stored file
                stays as it is. Of a clip or a sound that is only too long, the beginning is stored and sent (extras ``media``
                and ``posters``). ``"images"`` allows the first only.
            options: further inputs by role (``audio=...``) and parameters (``duration=5``, in seconds).

        Raises:
            ValidationError: keyed by field, all problems at once.
            IdempotencyConflict: the key has made another task, or one that was deleted in the last 30 days.
        """
        # Above this file, which the rows need to be defined.
        create = import_string("django_wanvideo.models.creation.creation.get_or_create_task")
        made: tuple[VideoTask, bool] = create(
            prompt=prompt,
            first_frame=first_frame,
            preset=preset,
            model=model,
            owner=owner,
            metadata=metadata,
            notes=notes,
            parent=parent,
            by=by,
            idempotency_key=idempotency_key,
            fix_inputs=fix_inputs,
            **options,
        )
        return made[0]

    async def acreate_task(self, prompt: str = "", first_frame: Any = None, **options: Any) -> VideoTask:
        """Do what ``create_task`` does, from code that runs in an event loop."""
        return await sync_to_async(self.create_task)(prompt, first_frame, **options)
