"""Drafts that were changed, sent or deleted while somebody had their form open: both are shown, nothing is overwritten."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.text import Truncator
from django.utils.translation import gettext as _

from django_wanvideo.admin.forms.fields import file_name, link_name
from django_wanvideo.admin.presentation import formats
from django_wanvideo.choices import InputRole
from django_wanvideo.models.creation import drafts
from django_wanvideo.models.creation.repeats import same_input
from django_wanvideo.models.input import by_role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_wanvideo.admin.forms.base import TaskFormBase
    from django_wanvideo.models import VideoTask

#: The hidden field with what the person saw.
FIELD = "seen"
_LONGEST = 2000


@dataclass(frozen=True)
class Difference:
    """One field that stands otherwise in the task than in the form."""

    name: str
    label: str
    theirs: str
    yours: str


class ChangedMeanwhile(Exception):  # noqa: N818 - a question to the person
    """Somebody else has changed the draft since the form was opened."""

    def __init__(self, differences: list[Difference]) -> None:
        super().__init__(", ".join(item.name for item in differences))
        self.differences = differences


def seen(task: VideoTask) -> str:
    """Return what the form of a task carries, so that it knows later what the person saw."""
    return json.dumps(drafts.digests_of(task), separators=(",", ":"))


def read(text: str) -> dict[str, str]:
    """Return what was seen, by field; what cannot be read was not seen."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def changed(form: TaskFormBase, task: VideoTask, before: dict[str, str]) -> list[Difference]:
    """Return what others have changed since ``before`` and the form would undo, or send unseen."""
    now = drafts.digests_of(task)
    moved = {name for name in {**before, **now} if before.get(name) != now.get(name)}
    return differences(form, task, moved, kept_counts=True)


def differences(
    form: TaskFormBase, task: VideoTask | None, names: Iterable[str] | None = None, *, kept_counts: bool = False
) -> list[Difference]:
    """Return what the form has otherwise than the task; of an input that the form leaves alone only ``kept_counts``."""
    theirs = drafts.fields_of(task) if task is not None else {}
    yours = _of_form(form)
    found = []
    for name in [name for name in yours if names is None or name in names]:
        if name in InputRole.values:
            item = _input_difference(form, task, name, kept_counts=kept_counts)
            found.extend([item] if item is not None else [])
        elif theirs.get(name) != yours[name]:
            item = Difference(
                name, label(form, name), _shown(form, name, theirs.get(name)), _shown(form, name, yours[name])
            )
            found.append(item)
    return found


def label(form: TaskFormBase, name: str) -> str:
    known = next((key for key in (name, file_name(name), link_name(name)) if key in form.fields), None)
    return str(form.fields[known].label) if known else name


def _of_form(form: TaskFormBase) -> dict[str, Any]:
    """Return what the form would save, by field, in the order of the page; inputs only by name."""
    data = form.cleaned_data
    own: dict[str, Any] = {item.role.value: None for item in form.spec.inputs}
    own["prompt"] = data.get("prompt", form.data.get("prompt", ""))
    own["model"] = form.spec.id
    own |= form.spec.effective_values(form.parameters())
    own["notes"] = data.get("notes", "")
    if "metadata" in form.fields:
        own["metadata"] = form.metadata()
    return own


def _input_difference(form: TaskFormBase, task: VideoTask | None, role: str, *, kept_counts: bool) -> Difference | None:
    stored = by_role(task.inputs.all()).get(role, []) if task is not None else []
    given = form.changed_inputs() if task is not None else form.inputs()
    if role in given:
        items = given[role] or []
        if len(items) == len(stored) and all(map(same_input, items, stored)):
            return None
        yours = _inputs_shown(items)
    elif kept_counts:
        yours = _("left as it was when you opened this page")
    else:
        return None
    return Difference(role, label(form, role), _inputs_shown(stored), yours)


def _inputs_shown(items: Iterable[Any]) -> str:
    return ", ".join(_input_shown(item) for item in items) or "–"


def _input_shown(item: Any) -> str:
    link = item if isinstance(item, str) else getattr(item, "url", "") if not hasattr(item, "read") else ""
    if link:
        return Truncator(link).chars(120)
    is_file = not getattr(item, "content_type", "") or item.content_type.startswith("image/")
    if is_file and getattr(item, "width", None):
        return _("a picture of %(w)s × %(h)s px") % {"w": item.width, "h": item.height}
    return str(getattr(item, "name", "") or _("a picture"))


def _shown(form: TaskFormBase, name: str, value: Any) -> str:
    if value is None or value == "":
        return "–"
    if name == "metadata":
        return Truncator(json.dumps(value, ensure_ascii=False)).chars(_LONGEST)
    parameter = next((item for item in form.spec.parameters if item.name == name), None)
    return Truncator(formats.setting(parameter, value) if parameter is not None else str(value)).chars(_LONGEST)
