"""Several drafts like one task: other words, one per line, or other seeds."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_wanvideo import catalog, database
from django_wanvideo.admin import markup, nonces, outcomes, themes
from django_wanvideo.services import creation, media

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_wanvideo.models import MediaInput, VideoTask

#: Drafts that can be made at a time.
MOST = 50
_LARGEST_SEED = 2_147_483_647


class VariationsForm(forms.Form):
    """What should differ."""

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
        spec = next((spec for spec in catalog.models() if spec.id == task.model), None)
        self.has_seed = spec is not None and any(parameter.name == "seed" for parameter in spec.parameters)
        if not self.has_seed:
            self.fields["seeds"].help_text = _(
                "This model takes no seed; the same request still comes out differently each time."
            )

    def changes(self) -> list[dict[str, Any]]:
        """Return what differs, for each draft."""
        lines = [line.strip() for line in self.cleaned_data["prompts"].splitlines() if line.strip()]
        found: list[dict[str, Any]] = [{"prompt": line} for line in lines]
        found.extend(
            {"seed": secrets.randbelow(_LARGEST_SEED) + 1} if self.has_seed else {}
            for _number in range(self.cleaned_data.get("seeds") or 0)
        )
        return found

    def clean(self) -> dict[str, Any]:
        """Ask for at least one and at most ``MOST`` drafts."""
        data = super().clean() or self.cleaned_data
        if "prompts" in data and not self.errors:
            count = len(self.changes())
            if not count:
                raise ValidationError(_("Write at least one prompt, or say how many with the same one."))
            if count > MOST:
                raise ValidationError(_("At most %(n)s drafts can be made at a time."), params={"n": MOST})
        return data


def view(model_admin: Any, request: HttpRequest, task: VideoTask) -> HttpResponseBase:
    """Show the form, or make the drafts: all of them or none, and once however often the form is sent."""
    form = VariationsForm(request.POST or None, task=task)
    if request.method == "POST":
        token = request.POST.get("nonce", "")
        if nonces.is_unknown(token, request.user):
            form.add_error(None, nonces.unknown_words())
        elif form.is_valid():
            try:
                count = len(_make(request, task, form, nonces.read(token, request.user)))
            except _SentAlready:
                messages.info(request, _("This form was sent already; nothing was made a second time."))
                return HttpResponseRedirect(model_admin.page_url("changelist"))
            except _Refused:
                pass
            else:
                words = ngettext("%(n)s draft was made.", "%(n)s drafts were made.", count) % {"n": count}
                messages.success(request, words + " " + _("Select them and generate them together."))
                return HttpResponseRedirect(model_admin.page_url("changelist"))
    context = {
        **themes.frame(model_admin, request, _("Variations")),
        "original": task,
        "task": task,
        "form": form,
        "nonce": nonces.issue(request.user),
        "thumbnail": markup.thumbnail(task, task.first_frame),
        "settings": markup.settings_line(task),
        "change_url": model_admin.page_url("change", task.pk),
    }
    return TemplateResponse(request, "admin/wanvideo/videotask/variations.html", context)


class _SentAlready(Exception):  # noqa: N818 - not an error: the drafts are there
    """The form was sent before."""


class _Refused(Exception):  # noqa: N818 - the form has the errors
    """At least one draft is not acceptable."""


def _make(request: HttpRequest, task: VideoTask, form: VariationsForm, nonce: dict[str, Any] | None) -> list[VideoTask]:
    """Make all drafts and use the nonce up, or leave nothing behind, in storage neither."""
    by: Any = request.user
    made: list[VideoTask] = []
    stored: list[MediaInput] = []
    with media.discarding_files_on_error(stored), database.atomic():
        if nonce is not None and not nonces.spend(nonce, {"parent": str(task.pk)}):
            raise _SentAlready
        for number, changes in enumerate(form.changes(), start=1):
            try:
                draft = creation.duplicate(task, by=by, **changes)
            except ValidationError as error:
                reason = outcomes.reason_of(error)
                form.add_error(None, _("Draft %(n)s: %(reason)s") % {"n": number, "reason": reason})
            else:
                made.append(draft)
                stored.extend(draft.inputs.all())
        if form.errors:
            raise _Refused
        outcomes.log(request, made, _("Made as a variation."), added=True)
    return made
