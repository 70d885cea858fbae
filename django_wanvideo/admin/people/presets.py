"""Presets in the form of a new task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.admin.caching import once
from django_wanvideo.admin.forms import preset_forms
from django_wanvideo.models import Preset

if TYPE_CHECKING:
    from django.http import HttpRequest

    from django_wanvideo.admin.forms.task_forms import TaskForm


def chosen(request: HttpRequest) -> Preset | None:
    """Return the preset that a request asks to be filled in: by its address, or by the button beside the choice."""
    if request.method == "POST":
        slug = request.POST.get(preset_forms.FIELD) if preset_forms.USE in request.POST else ""
    else:
        slug = request.GET.get(preset_forms.FIELD)
    user: Any = request.user
    return once(request, "preset", lambda: Preset.objects.named(slug, user)) if slug else None


def model_of(request: HttpRequest) -> str:
    """Return the model of the preset that is to be filled in; empty for none."""
    preset = chosen(request)
    return preset.model if preset is not None else ""


def initial(request: HttpRequest) -> dict[str, Any]:
    """Return what the preset that an address names fills in."""
    preset = chosen(request)
    if preset is None or preset.model not in {spec.id for spec in catalog.models()}:
        return {}
    return dict(preset_forms.initial_of(preset, catalog.get(preset.model)))


def bar(request: HttpRequest, form: TaskForm) -> dict[str, Any]:
    """Return what the bar above the form shows: the presets that the person may use, and what the chosen one did.

    One that was kept just now is said to the person.
    """
    if form.saved_preset is not None:
        messages.success(request, _("The preset “%(name)s” was saved.") % {"name": form.saved_preset.name})
    user: Any = request.user
    own, shared = [], []
    for preset in Preset.objects.usable_by(user):
        if preset.owner_id == user.pk:
            own.append(preset)
        elif preset.slug not in {mine.slug for mine in own}:
            shared.append(preset)
    return {
        "own": own,
        "shared": shared,
        "chosen": form.chosen_preset,
        **form.preset_state(),
        "can_save": user.has_perm(preset_forms.MAY_ADD),
        "can_share": user.has_perm(preset_forms.MAY_SHARE),
        "save": form.save_form,
        "is_open": (form.save_form.is_bound and bool(form.save_form.errors)) or "save_preset" in request.GET,
    }
