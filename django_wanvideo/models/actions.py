"""What sites call on a task. The work is done above the rows, by what is found by its path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from asgiref.sync import sync_to_async
from django.db import models
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from django.contrib.auth.models import AbstractBaseUser


def _call(path: str, *args: Any, **options: Any) -> Any:
    return import_string(f"django_wanvideo.{path}")(*args, **options)


class TaskActions(models.Model):
    """The verbs of a task."""

    class Meta:
        abstract = True

    def update(self, **changes: Any) -> Self:
        """Change parts of this draft, checked and priced as ``create_task`` does it; return the task.

        Args:
            changes: ``prompt``, ``model``, ``notes``, ``metadata``, ``fix_inputs``, inputs by role, where an empty
                string removes one, and parameters, where ``None`` stands for the default.

        Raises:
            ValidationError: keyed by field, all problems at once.
            TransitionNotAllowed: it is not a draft any more.
            EditConflict: somebody else changed it at this very moment.
        """
        _call("models.creation.creation.update", self, **changes)
        return self

    def submit(self, *, by: AbstractBaseUser | None = None, wait: bool = True) -> Self:
        """Queue this draft to be sent once, and return it.

        Args:
            wait: whether it may wait in the queue for credits that a limit does not give now. With ``False``, what
                waits there already counts as used.

        Raises:
            TransitionNotAllowed: it is not a draft.
            BudgetExceeded: it costs more than a limit allows at all or, with ``wait=False``, more than is left.
            ApprovalRequired: it costs more than is sent without a second person; it waits for approval now.
            ValidationError: it is not complete, keyed by field.
        """
        _call("services.sending.actions.enqueue", self, by=by, wait=wait)
        return self

    def make_poster(self, seconds: Decimal | float | str | None = None) -> Self:
        """Let a worker take the still picture of this stored video, in place of the one it has; return the task.

        Args:
            seconds: from the beginning of the video; by default its middle, as soon as workers have nothing else to do.

        Raises:
            ValueError: that is no moment of a video.
            TransitionNotAllowed: there is no stored video.
            ConfigurationError: the extra ``posters`` is not installed.
        """
        _call("services.storing.posters.choose", self, seconds)
        return self

    def refresh(self, *, by: AbstractBaseUser | None = None) -> Self:
        """Ask EvoLink about this task now, in this process; return the task.

        Also one that has failed, unless that is what EvoLink itself said: what EvoLink has after all comes home.

        Raises:
            TransitionNotAllowed: EvoLink does not have the task.
            EvoLinkError: EvoLink cannot be asked just now.
        """
        _call("services.tracking.polling.refresh", self, by=by)
        return self

    def cancel(self, *, by: AbstractBaseUser | None = None) -> Self:
        """Cancel this task before it is sent; return it. EvoLink has no way to cancel what it accepted.

        Raises:
            TransitionNotAllowed: it has been sent, or has ended.
        """
        _call("services.sending.actions.cancel", self, by=by)
        return self

    def retry(self, *, by: AbstractBaseUser | None = None) -> Self:
        """Queue this failed or cancelled task again; return it. A new attempt is a new charge.

        A video that is paid for is fetched instead, and a worker asks EvoLink about earlier attempts before it sends.

        Raises:
            TransitionNotAllowed: it has neither failed nor been cancelled.
            BudgetExceeded: it costs more than a limit on credits allows at all.
            ApprovalRequired: it costs more than is sent without a second person; it waits for approval now.
        """
        _call("services.sending.actions.retry", self, by=by)
        return self

    @property
    def can_fetch_result(self) -> bool:
        """Whether this task has ended without its video, and EvoLink still has that: fetching it costs nothing."""
        return bool(_call("services.storing.download.is_fetchable", self))

    def fetch_result(self, *, by: AbstractBaseUser | None = None) -> Self:
        """Copy the paid video of this ended task after all; return the task. This costs nothing.

        Raises:
            TransitionNotAllowed: there is no video, or its link has ended.
        """
        _call("services.storing.download.fetch_again", self, by=by)
        return self

    def make_takes(self, *changes: Mapping[str, Any], by: AbstractBaseUser | None = None) -> list[Self]:
        """Make drafts like this task, to choose the best of all; return them. Nothing is sent.

        Args:
            changes: for each draft what differs, in ``create_task``'s words: ``{"prompt": "…"}``, or ``{}`` for the same
                once more.

        Raises:
            ValidationError: keyed by field; no draft was made then.
        """
        made: list[Self] = _call("takes.make", self, changes, by=by)
        return made

    def continue_with(self, *, by: AbstractBaseUser | None = None, with_clip: bool = False, **changes: Any) -> Self:
        """Make a draft that begins with the last frame of this stored video; return it. Nothing is sent.

        What is not said is as in this task, as far as the model takes it beside a first frame. Where its own model takes
        none, it is the one of the same family that does.

        Args:
            with_clip: instead, that it begins with this whole video and goes on from its end, which some models can; the
                length counts both.
            changes: what differs, in ``create_task``'s words: ``prompt``, ``model``, ``idempotency_key``, parameters and
                further inputs.

        Raises:
            ValidationError: keyed by field; at ``first_frame`` where the video cannot be read.
            TransitionNotAllowed: there is no stored video.
            IdempotencyConflict: the key has made another task.
            ConfigurationError: the extra ``posters`` is not installed.
        """
        made: Self = _call("chains.continue_with", self, by=by, with_clip=with_clip, **changes)
        return made

    def pick(self, *, by: AbstractBaseUser | None = None) -> Self:
        """Choose this one of its takes, in place of whichever was chosen before; return it.

        Raises:
            TransitionNotAllowed: it has no other takes, or no video.
            EditConflict: somebody else picked another one at this very moment.
        """
        _call("takes.pick", self, by=by)
        return self

    def unpick(self, *, by: AbstractBaseUser | None = None) -> Self:
        """Let this one not be the chosen one of its takes any more; return it."""
        _call("takes.unpick", self, by=by)
        return self

    async def asubmit(self, *, by: AbstractBaseUser | None = None, wait: bool = True) -> Self:
        """Do what ``submit`` does, from code that runs in an event loop."""
        return await sync_to_async(self.submit)(by=by, wait=wait)

    async def arefresh(self, *, by: AbstractBaseUser | None = None) -> Self:
        """Do what ``refresh`` does, from code that runs in an event loop."""
        return await sync_to_async(self.refresh)(by=by)
