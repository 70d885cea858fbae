"""Drafts like one task: a copy, or several with other words or seeds. Made once for one press, however often it is sent."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import prefetch_related_objects
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_wanvideo.admin import action_results
from django_wanvideo.admin.base import person
from django_wanvideo.admin.forms import repeats
from django_wanvideo.admin.presentation import markup
from django_wanvideo.catalog import text
from django_wanvideo.db import database
from django_wanvideo.exceptions import IdempotencyConflict
from django_wanvideo.models.creation import creation, drafts, media
from django_wanvideo.models.creation import repeats as recent
from django_wanvideo.models.input import by_role

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.models import MediaInput, VideoTask

#: Drafts that can be made at a time.
MOST = 50
_LARGEST_SEED = 2_147_483_647


def duplicate(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask) -> HttpResponse:
    """Make the draft and lead to it; ask where the same copy was made a moment ago."""
    shown = task
    try:
        shown = _make_copy(request, task)
    except ValidationError as error:
        messages.warning(request, action_results.reason_of(error))
    except repeats.SentAlready as sent:
        messages.info(request, _("This page was sent already; this is the copy that was made then."))
        shown = sent.task
    except repeats.Repeated as repeated:
        return _ask(model_admin, request, task, repeated.repeat)
    else:
        action_results.log(request, [task], _("Duplicated."))
        action_results.log(request, [shown], _("Made as a copy."), added=True)
        messages.success(request, _("A draft like the other one. Nothing is sent before you press Generate."))
    return HttpResponseRedirect(model_admin.get_page_url("change", shown.pk))


def copy(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask) -> HttpResponse:
    """Do what the pressed button says: make a draft like this one, or lead to the page on which several are made."""
    model_admin.require(request, task, "add")
    if "_variations" in request.POST:
        return HttpResponseRedirect(model_admin.get_page_url("variations", task.pk))
    return duplicate(model_admin, request, task)


def recent_copies(request: HttpRequest, task: VideoTask, prompt: str) -> list[VideoTask]:
    """Return what this person has made from ``task`` with ``prompt`` a moment ago, the newest first."""
    alike = recent.like(
        owner=person(request),
        model=task.model,
        prompt=prompt,
        parameters=task.parameters,
        sources=by_role(task.inputs.all()),
    )
    return [other for other in alike if other.parent_id == task.pk]


def _make_copy(request: HttpRequest, task: VideoTask) -> VideoTask:
    key, wanted = repeats.key_of(request.POST), drafts.version_of(task)
    if not repeats.is_another(request.POST):
        copies = recent_copies(request, task, task.prompt)
        if copies and key not in {copy.idempotency_key for copy in copies}:
            raise repeats.of_task(copies[0], wanted)
    try:
        draft, is_new = creation.get_or_duplicate(task, by=person(request), idempotency_key=key)
    except IdempotencyConflict as conflict:
        raise repeats.of_conflict(conflict, wanted) from conflict
    if not is_new:
        raise repeats.SentAlready(draft)
    return draft


def _ask(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask, repeat: repeats.Repeat) -> HttpResponse:
    context: dict[str, Any] = {
        "repeat": repeat,
        "key": repeats.posted_key(request.POST),
        "open_url": model_admin.get_page_url("change", repeat.task.pk) if repeat.task is not None else "",
        "action": model_admin.get_page_url("operate", task.pk, "duplicate"),
    }
    return model_admin.render_task_page(request, "duplicate", _("Duplicate"), task, **context)


class VariationsForm(forms.Form):
    prompts = forms.CharField(
        label=gettext_lazy("Prompts, one per line"),
        help_text=gettext_lazy("Each line becomes a draft with the same picture and settings."),
        required=False,
        widget=forms.Textarea(attrs={"rows": 8, "dir": "auto"}),
    )
    seeds = forms.IntegerField(
        label=gettext_lazy("How many with the same prompt"),
        help_text=gettext_lazy("Each gets another seed, so that it comes out differently."),
        required=False,
        min_value=1,
        max_value=MOST,
    )

    def __init__(self, *args: Any, task: VideoTask, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.task = task
        spec = markup.spec_of(task.model)
        self.has_seed = spec is not None and any(parameter.name == "seed" for parameter in spec.parameters)
        if not self.has_seed:
            self.fields["seeds"].help_text = _(
                "This model takes no seed; the same request still comes out differently each time."
            )

    def changes(self, key: str = "") -> list[dict[str, Any]]:
        """Return what differs, for each draft; the same for the same key."""
        found: list[dict[str, Any]] = [{"prompt": line} for line in self.lines()]
        found.extend(
            {"seed": _seed(key, number)} if self.has_seed else {}
            for number in range(self.cleaned_data.get("seeds") or 0)
        )
        return found

    def lines(self) -> list[str]:
        return text.lines(self.cleaned_data["prompts"])

    @property
    def wanted(self) -> list[Any]:
        """What tells this wish from others."""
        return [self.lines(), self.cleaned_data.get("seeds")]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "prompts" in data and not self.errors:
            count = len(self.changes())
            if not count:
                raise ValidationError(_("Write at least one prompt, or say how many with the same one."))
            if count > MOST:
                raise ValidationError(_("At most %(n)s drafts can be made at a time."), params={"n": MOST})
        return data


def variations_view(model_admin: TaskAdminBase, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    """Show the form, or make the drafts: all of them or none, and once however often the form is sent."""
    task = model_admin.get_task_or_404(request, object_id, "add", "view")
    form = VariationsForm(request.POST or None, task=task)
    repeat: repeats.Repeat | None = None
    key, list_url = repeats.key_of(request.POST), model_admin.get_page_url("changelist")
    if request.method == "POST" and form.is_valid():
        try:
            count = len(_make(request, task, form, key))
        except repeats.SentAlready:
            messages.info(request, _("This form was sent already; nothing was made a second time."))
            return HttpResponseRedirect(list_url)
        except repeats.Repeated as repeated:
            repeat = repeated.repeat
        except _Refused:
            pass
        else:
            words = ngettext("%(n)s draft was made.", "%(n)s drafts were made.", count) % {"n": count}
            messages.success(request, words + " " + _("Select them and generate them together."))
            return HttpResponseRedirect(list_url)
    return model_admin.render_task_page(
        request, "variations", _("Variations"), task, form=form, repeat=repeat, key=key, list_url=list_url
    )


class _Refused(Exception):  # noqa: N818 - the form has the errors
    """At least one draft is not acceptable."""


def _make(request: HttpRequest, task: VideoTask, form: VariationsForm, key: str) -> list[VideoTask]:
    """Make all drafts, each under a key of its own, or leave nothing behind, in storage neither."""
    made: list[VideoTask] = []
    earlier: list[VideoTask] = []
    stored: list[MediaInput] = []
    # Read once for all drafts.
    prefetch_related_objects([task], "inputs")
    if not repeats.is_another(request.POST):
        _ask_about_the_same(request, task, form, key)
    with media.discarding_files_on_error(stored), database.atomic():
        for number, changes in enumerate(form.changes(key), start=1):
            own_key = repeats.key_of_part(key, number)
            try:
                draft, is_new = creation.get_or_duplicate(task, by=person(request), idempotency_key=own_key, **changes)
            except IdempotencyConflict as conflict:
                raise repeats.of_conflict(conflict, form.wanted) from conflict
            except ValidationError as error:
                reason = action_results.reason_of(error)
                form.add_error(None, _("Draft %(n)s: %(reason)s") % {"n": number, "reason": reason})
            else:
                (made if is_new else earlier).append(draft)
                stored.extend(draft.inputs.all() if is_new else [])
        if form.errors:
            raise _Refused
        if earlier and made:
            raise repeats.of_task(earlier[0], form.wanted)
        if earlier:
            raise repeats.SentAlready(earlier[0])
        action_results.log(request, made, _("Made as a variation."), added=True)
    return made


def _ask_about_the_same(request: HttpRequest, task: VideoTask, form: VariationsForm, key: str) -> None:
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


def _seed(key: str, number: int) -> int:
    """Return a seed that is the same for the same form."""
    digest = hashlib.sha256(f"{key}:{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % _LARGEST_SEED + 1
