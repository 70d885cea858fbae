"""One submission that costs more than is sent without a second person."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_wanvideo.choices import ApprovalKind, ApprovalState
from django_wanvideo.models.base.people import PersonKey
from django_wanvideo.models.base.rows import Row


class Approval(Row):
    """What one person asked for at one price, and what a second one decided about it.

    The tasks, and batches as a whole, that wait for it refer to it. A task leaves it when it is edited or moves: what is
    left is what can be approved.
    """

    Kind = ApprovalKind
    State = ApprovalState

    kind = models.CharField(_("asked for"), max_length=8, choices=ApprovalKind)
    state = models.CharField(_("state"), max_length=9, choices=ApprovalState, default=ApprovalState.WAITING)
    credits = models.DecimalField(_("credits"), max_digits=14, decimal_places=4)
    #: What could have been sent without anybody else.
    limit = models.DecimalField(_("above"), max_digits=14, decimal_places=4)
    #: By the hexadecimal id of each task: what was shown of it (``Quote.pack``), which alone is sent.
    quotes = models.JSONField(_("prices"), default=dict)
    requested_by = PersonKey(verbose_name=_("requested by"), db_index=False)
    requested_at = models.DateTimeField(_("requested at"), default=timezone.now)
    decided_by = PersonKey(verbose_name=_("decided by"), db_index=False)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    note = models.TextField(_("note"), blank=True)

    class Meta(Row.Meta):
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        ordering = ["-requested_at", "-pk"]
        indexes = [
            models.Index(
                fields=["requested_at"], name="wanvideo_approval_waiting", condition=Q(state=ApprovalState.WAITING)
            ),
            models.Index(fields=["-decided_at"], name="wanvideo_approval_decided"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.credits:f}"

    @property
    def is_waiting(self) -> bool:
        """Whether nobody has decided about it."""
        return self.state == ApprovalState.WAITING
