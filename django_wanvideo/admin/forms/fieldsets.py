"""Where each field of the form stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from django_wanvideo.admin.forms.fields import task_fields

if TYPE_CHECKING:
    from django_wanvideo.catalog import ModelSpec


def of(spec: ModelSpec, *, with_metadata: bool) -> list[tuple[Any, dict[str, Any]]]:
    """Return the fieldsets for one model: picture and words, the video's settings, and the rest."""
    names = list(task_fields(spec))
    settings = ["model", *(parameter.name for parameter in spec.parameters)]
    rest = ["notes", "metadata"] if with_metadata else ["notes"]
    words = [name for name in names if name not in {*settings, "notes", "metadata"}]
    first = _("Picture and words") if any(item.required for item in spec.inputs) else _("Words")
    return [
        (first, {"fields": words}),
        (_("Video"), {"fields": settings}),
        (_("Notes"), {"fields": rest, "classes": ["wv-rest"]}),
    ]
