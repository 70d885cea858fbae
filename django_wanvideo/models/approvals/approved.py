"""What a task knows of the second person who has to agree before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from django_wanvideo.choices import ApprovalState
from django_wanvideo.models.base.people import PersonKey
from django_wanvideo.models.base.rows import RowKey

if TYPE_CHECKING:
    from collections.abc import Mapping


class Approved(models.Model):
    """Columns of a task; empty for one that was sent, or can be, without a second person."""

    #: What it waits for, or was sent back with; every move of its status takes it out.
    approval = RowKey(
        "wanvideo.Approval",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="tasks",
        db_index=False,
        verbose_name=_("approval"),
        editable=False,
    )
    #: Who agreed to what was queued last.
    approved_by = PersonKey(verbose_name=_("approved by"), db_index=False, editable=False)
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    @property
    def is_waiting_for_approval(self) -> bool:
        """Whether it is sent only once somebody else has agreed to it."""
        return self.approval is not None and self.approval.is_waiting


INDEXES = [
    models.Index(fields=["approval"], name="wanvideo_task_approval", condition=Q(approval__isnull=False)),
]
#: A condition on tasks: those that wait for a second person.
IS_WAITING = Q(approval__state=ApprovalState.WAITING)
#: What an approval is tied to, beside the inputs.
CONTENT = ("model", "prompt", "parameters")


def is_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Tell whether columns of a task are written that an approval is tied to, and differ."""
    return any(name in after and before[name] != after[name] for name in CONTENT)
