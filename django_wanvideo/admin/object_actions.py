"""What can be done with a sent task now, by this person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.admin.presentation import formats, quotes
from django_wanvideo.choices import TaskStatus
from django_wanvideo.failures import advice_for
from django_wanvideo.services.resolution import dismissal
from django_wanvideo.services.storing import download
from django_wanvideo.services.tracking import lookup

if TYPE_CHECKING:
    from django.http import HttpRequest

    from django_wanvideo.models import VideoTask

_S = TaskStatus


@dataclass(frozen=True)
class Button:
    """Something that can be done now."""

    verb: str
    label: str
    icon: str
    url: str
    is_primary: bool = False
    #: A page to go to rather than something done at once.
    is_link: bool = False
    #: What it was said to cost, signed.
    quote: str = ""


def of(model_admin: Any, request: HttpRequest, task: VideoTask) -> list[Button]:
    """What can be done now by this person, the most sensible first."""
    found: list[Button] = []
    may_add = model_admin.has_add_permission(request)
    may_submit = model_admin.has_submit_permission(request, task)
    ended = task.status in {_S.FAILED, _S.CANCELLED}
    action = advice_for(task.error_code).next_action if ended and task.error_code else "retry"

    def add(verb: str, label: str, icon: str, *, link: bool = False, first: bool = False, quote: str = "") -> None:
        url = model_admin.page_url(verb, task.pk) if link else model_admin.page_url("operate", task.pk, verb)
        found.insert(0 if first else len(found), Button(verb, label, icon, url, first, link, quote))

    if (
        task.status == _S.UNCONFIRMED
        and model_admin.has_resolve_permission(request, task)
        and model_admin.has_view_permission(request, task)
    ):
        add("decide", _("Decide…"), "unconfirmed", link=True, first=True)
    if task.status == _S.QUEUED and model_admin.has_change_permission(request, task):
        add("cancel", _("Cancel"), "cancelled")
    if task.status in {_S.PENDING, _S.PROCESSING}:
        add("refresh", _("Refresh status"), "retry")
    fetchable, looks_first = ended and download.is_fetchable(task), lookup.can_look(task)
    if fetchable and may_submit:
        quote = quotes.for_fetch(request.user, task)
        add("fetch", _("Fetch again, free of charge"), "storing", first=True, quote=quote)
    elif ended and may_submit:
        price = formats.credits_on_button(price_now(task))
        unchanged = action in {"edit_copy", "replace_picture"}
        if looks_first:
            label = _("Retry for up to %(n)s credits")
        else:
            label = _("Retry unchanged for about %(n)s credits") if unchanged else _("Retry for about %(n)s credits")
        quote = quotes.for_retry(request.user, task)
        add("retry", label % {"n": price}, "retry", first=not unchanged and not looks_first, quote=quote)
    if looks_first and not fetchable:
        add("refresh", _("Check with EvoLink again, free of charge"), "retry", first=True)
    if may_add:
        is_advised = ended and action in {"edit_copy", "replace_picture"}
        label = _("Choose another picture") if ended and action == "replace_picture" else _("Edit a copy")
        add("duplicate", label if ended else _("Duplicate"), "copy", first=is_advised and not fetchable)
        add("variations", _("Variations…"), "variations", link=True)
    if model_admin.has_change_permission(request, task):
        if dismissal.can_be_dismissed(task):
            add("dismiss", _("Dismiss"), "completed")
        elif task.dismissed_at is not None:
            add("undismiss", _("Undo dismiss"), "retry")
    return found


def price_now(task: VideoTask) -> Any:
    """Return what the task would cost now, in credits."""
    spec = next((spec for spec in catalog.models() if spec.id == task.model), None)
    return catalog.estimate(spec, task.parameters) if spec is not None else task.credits_estimated
