"""Controls of *Make many*. Each works without JavaScript; ``static/wanvideo/js/make-many.js`` adds to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from django_wanvideo.batches import files
from django_wanvideo.batches.given import PICTURES, TABLE, TAKES
from django_wanvideo.catalog import images
from django_wanvideo.catalog.inputs import MEDIA_TYPES

if TYPE_CHECKING:
    from django_wanvideo.admin.batches.forms.given import Shown

_ZIP = "application/zip,.zip"
_ACCEPTED = {TABLE: ".csv,.tsv,.txt,.xlsx,text/csv", "media": _ZIP}
_WAYS = {
    PICTURES: (_("one video for each"), "image"),
    TABLE: (_("one video for each row"), "rows"),
    TAKES: (_("several takes of it"), "takes"),
}


class Ways(forms.RadioSelect):
    """The ways in as tiles."""

    template_name = "wanvideo/widgets/ways.html"

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Add what comes of it, and an icon."""
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        option["description"], option["icon"] = _WAYS[str(value)]
        return option


class GivenFiles(forms.FileInput):
    """A file field that shows what is stored for the batch already."""

    template_name = "wanvideo/widgets/given.html"
    use_fieldset = False
    allow_multiple_selected = True

    def __init__(self, kind: str) -> None:
        accepted = _ACCEPTED.get(kind) or f"{_pictures()},{_ZIP}"
        super().__init__(attrs={"accept": accepted} | ({"multiple": True} if kind == PICTURES else {}))
        self.kind = kind
        self.shown: Shown | None = None

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Add what is there, and the limits that the browser looks at."""
        context = super().get_context(name, value, attrs)
        limits = {"files": files.MOST_FILES, "bytes": files.MOST_BYTES, "together": files.MOST_TOGETHER}
        context["wanvideo"] = {"shown": self.shown, "kind": self.kind, "limits": limits}
        return context


def _pictures() -> str:
    kinds = [kind for kind in MEDIA_TYPES.values() if kind.startswith("image/")]
    return ",".join(filter(None, [*kinds, images.convertible_types()]))
