"""Making more takes of one task: as drafts, or sent at once at the price on the button; once, however often it is pressed."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import prefetch_related_objects
from django.http import HttpResponseRedirect, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from django_wanvideo import takes
from django_wanvideo.admin import action_results
from django_wanvideo.admin.approvals import asking
from django_wanvideo.admin.base import PRIVATE, person
from django_wanvideo.admin.forms import repeats
from django_wanvideo.admin.takes import prices
from django_wanvideo.admin.takes.forms import MOST, USUAL, MakeTakesForm, count_in
from django_wanvideo.admin.views.duplicate import recent_copies
from django_wanvideo.choices import ApprovalKind
from django_wanvideo.db import database
from django_wanvideo.exceptions import IdempotencyConflict, TransitionNotAllowed
from django_wanvideo.models.creation import creation, media
from django_wanvideo.services.sending import actions as sending
from django_wanvideo.services.sending import quotes

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.models import MediaInput, VideoTask


def make_takes_view(model_admin: TaskAdminBase, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    """Show the form, or make the takes: all of them or none; ``?price`` answers what those of the form would cost."""
    task = model_admin.get_task_or_404(request, object_id, "add", "view")
    if request.method == "GET" and "price" in request.GET:
        price = prices.of_takes(task, count_in(request.GET.dict()), person(request))
        return JsonResponse(price, headers=PRIVATE)
    is_sent = "_generate" in request.POST
    if is_sent:
        model_admin.require(request, task, "submit")
    form = MakeTakesForm(request.POST or None, task=task)
    repeat: repeats.Repeat | None = None
    key, group_url = repeats.key_of(request.POST), model_admin.get_page_url("takes", task.pk)
    if request.method == "POST" and form.is_valid() and not (is_sent and _costs_more(request, form)):
        try:
            made = _make(request, task, form, key)
        except repeats.SentAlready:
            messages.info(request, _("This form was sent already; nothing was made or sent a second time."))
            return HttpResponseRedirect(group_url)
        except repeats.Repeated as repeated:
            repeat = repeated.repeat
        except _Refused:
            pass
        else:
            if is_sent:
                _send(model_admin, request, made)
            else:
                words = ngettext("%(n)s draft was made.", "%(n)s drafts were made.", len(made)) % {"n": len(made)}
                messages.success(request, words)
            return HttpResponseRedirect(group_url)
    context = {
        "form": form,
        "repeat": repeat,
        "key": key,
        "price": prices.of_takes(task, _count(form), person(request)),
        "price_url": f"{request.path}?price=1",
        "can_submit": model_admin.has_submit_permission(request, task),
        "takes_url": group_url if repeat is not None or task.take_group is not None else "",
    }
    return model_admin.render_task_page(request, "make_takes", _("Make takes"), task, **context)


class _Refused(Exception):  # noqa: N818 - the form has the errors
    """At least one draft is not acceptable."""


def _count(form: MakeTakesForm) -> int:
    if not form.is_bound:
        return USUAL
    repeats_ = form.cleaned_data.get("repeats") or 0
    return repeats_ + len(form.wanted[0]) + len(form.wanted[1])


def _costs_more(request: HttpRequest, form: MakeTakesForm) -> bool:
    """Tell whether the button said less than what was asked for costs, and say so; nobody minds to pay less."""
    one, count = prices.price_of_one(form.task), len(form.changes())
    try:
        shown = Decimal(request.POST.get("shown_credits") or 0)
        is_enough = one is None or shown >= one * count
    except InvalidOperation:
        is_enough = False
    if is_enough:
        return False
    form.add_error(None, _("Look at the price: this is what it costs now. Nothing was made or sent yet."))
    return True


def _make(request: HttpRequest, task: VideoTask, form: MakeTakesForm, key: str) -> list[VideoTask]:
    """Make all drafts, each under a key of its own, or leave nothing behind, in storage neither."""
    made: list[VideoTask] = []
    earlier: list[VideoTask] = []
    stored: list[MediaInput] = []
    # Read once for all drafts.
    prefetch_related_objects([task], "inputs")
    if not repeats.is_another(request.POST):
        _ask_about_the_same(request, task, form, key)
    with media.discarding_files_on_error(stored), database.atomic():
        takes.hold(task)
        for number, changes in enumerate(form.changes(key), start=1):
            own_key = repeats.key_of_part(key, number)
            try:
                draft, is_new = creation.get_or_duplicate(task, by=person(request), idempotency_key=own_key, **changes)
            except IdempotencyConflict as conflict:
                raise repeats.of_conflict(conflict, form.wanted) from conflict
            except ValidationError as error:
                values = {"n": number, "reason": action_results.reason_of(error)}
                form.add_error(None, _("Take %(n)s of these: %(reason)s") % values)
            else:
                (made if is_new else earlier).append(draft)
                stored.extend(draft.inputs.all() if is_new else [])
        if form.errors:
            raise _Refused
        if earlier and made:
            raise repeats.of_task(earlier[0], form.wanted)
        if earlier:
            raise repeats.SentAlready(earlier[0])
        try:
            takes.group(task, made)
        except TransitionNotAllowed as error:
            form.add_error(None, str(error))
            raise _Refused from error
        action_results.log(request, made, _("Made as a take."), added=True)
    return made


def _send(model_admin: TaskAdminBase, request: HttpRequest, made: list[VideoTask]) -> None:
    """Queue each take as the draft that was just made, at the price that was agreed to; what is refused stays a draft."""

    quoted = {task: quotes.quote(task) for task in made}

    def send(task: VideoTask) -> None:
        model_admin.require(request, task, "submit")
        sending.enqueue(task, by=person(request), agreed=quoted[task])

    going = asking.admitted(request, quoted, ApprovalKind.SUBMIT)
    outcome = action_results.do_to_each(request, going, send, _("Sent to be generated."))
    outcome.tell(request, ngettext_lazy("%(n)s take will be generated.", "%(n)s takes will be generated.", "n"))


def _ask_about_the_same(request: HttpRequest, task: VideoTask, form: MakeTakesForm, key: str) -> None:
    """Stop where the same person has had all these prompts made a moment ago; takes of one prompt are no repetition."""
    own_keys = {repeats.key_of_part(key, number) for number in range(1, MOST + 1)}
    newest: VideoTask | None = None
    for prompt, count in Counter(form.lines()).items():
        alike = recent_copies(request, task, prompt)
        if len(alike) < count or any(other.idempotency_key in own_keys for other in alike):
            return
        newest = newest or alike[0]
    if newest is not None:
        raise repeats.of_task(newest, form.wanted)
