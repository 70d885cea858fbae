"""Asking for approval from a page on which one press sends several tasks."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.contrib import messages
from django.utils.translation import gettext as _

from django_wanvideo.admin.action_results import log
from django_wanvideo.admin.base import person
from django_wanvideo.admin.presentation import approvals as wording
from django_wanvideo.exceptions import ApprovalRequired
from django_wanvideo.services.sending import approvals
from django_wanvideo.services.sending.quotes import QuoteChanged

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from django.http import HttpRequest

    from django_wanvideo.choices import ApprovalKind
    from django_wanvideo.models import VideoTask
    from django_wanvideo.services.sending.quotes import Quote


def is_needed(request: HttpRequest, quoted: Iterable[Quote]) -> bool:
    """Tell whether so much has to be approved."""
    total = sum((quote.credits or Decimal(0) for quote in quoted), Decimal(0))
    return bool(wording.needed(person(request), total))


def admitted(request: HttpRequest, quoted: Mapping[VideoTask, Quote], kind: ApprovalKind) -> Collection[VideoTask]:
    """Return what of a press is sent now, each as it was quoted; that the rest waits is told.

    All of it, or what is free where the rest has to be approved first. To be called once, before anything is sent.
    """
    try:
        approvals.admit_together({task.pk: quote for task, quote in quoted.items()}, kind, by=person(request))
    except ApprovalRequired as error:
        messages.info(request, str(error))
        asked = [task for task in quoted if task.pk.hex in error.approval.quotes]
        log(request, asked, _("Approval was asked for."))
        return [task for task, quote in quoted.items() if quote.is_free]
    except QuoteChanged:
        # Sending it tells why it is left alone.
        pass
    return quoted
