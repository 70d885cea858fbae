"""Form controls of the add page. Each works without JavaScript; modules in ``static/wanvideo/js`` add to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import capfirst

from django_wanvideo.admin.presentation import formats
from django_wanvideo.catalog import images
from django_wanvideo.catalog.text import normalised
from django_wanvideo.models.creation import addresses

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django_stubs_ext import StrOrPromise

    from django_wanvideo.admin.forms.temporary_uploads import TemporaryUpload
    from django_wanvideo.catalog import InputSpec, ParameterSpec


#: Marks of what is no link: the signed name of a kept upload, the key of a stored input.
KEPT, STORED = "kept:", "stored:"


@dataclass
class Row:
    """One item as the page shows it."""

    name: str
    #: What the field sends back.
    value: str
    #: The file that is there; ``None`` for a link.
    present: TemporaryUpload | None = None
    facts: str = ""
    #: What of it could not be checked.
    remarks: Sequence[StrOrPromise] = ()
    #: Of a clip whose length is known, for the price.
    seconds: str = ""
    #: Of one that is only too long, the seconds that can be taken of it.
    cut_seconds: int | None = None
    problems: Sequence[str] = ()
    has_focus: bool = False
    #: The other inputs that it can belong to, as sent and as shown, and the one that was chosen.
    keys: Sequence[tuple[str, str]] = ()
    key: str = ""

    @property
    def is_link(self) -> bool:
        return not self.value.startswith((KEPT, STORED))


class PromptArea(forms.Textarea):
    """A text area with a count of characters. The server counts characters, so no ``maxlength`` (that counts UTF-16)."""

    template_name = "wanvideo/widgets/prompt.html"

    def __init__(self, limit: int) -> None:
        super().__init__(attrs={"rows": 6, "class": "vLargeTextField", "dir": "auto"})
        self.limit = limit

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        length = len(normalised(context["widget"]["value"] or ""))
        context["wanvideo"] = {"limit": self.limit, "length": length, "is_over": length > self.limit}
        context["widget"]["attrs"]["data-wanvideo-limit"] = self.limit
        return context


class Slider(forms.NumberInput):
    """A number with a slider beside it; only the number has a name."""

    template_name = "wanvideo/widgets/slider.html"

    def __init__(self, parameter: ParameterSpec) -> None:
        super().__init__(attrs={"min": parameter.minimum, "max": parameter.maximum, "step": 1})
        self.parameter = parameter

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        low, high = self.parameter.minimum or 0, self.parameter.maximum or 100
        marks = sorted({low, high, *(n for n in range(low, high + 1) if n % 5 == 0)})
        context["wanvideo"] = {"parameter": self.parameter, "marks": marks}
        return context


class Tiles(forms.RadioSelect):
    """Radio buttons as tiles, each with a line that tells it from the others."""

    template_name = "wanvideo/widgets/tiles.html"

    def __init__(self, parameter: ParameterSpec) -> None:
        super().__init__(choices=[(str(value), label) for value, label in parameter.choices])
        self.descriptions = {str(option.value): option.description for option in parameter.options}

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        option["description"] = self.descriptions.get(str(value), "")
        return option


class DropZone(forms.FileInput):
    """A file field with a preview and the measured size; a file that was sent before is kept under a signed name."""

    template_name = "wanvideo/widgets/drop.html"
    use_fieldset = False

    def __init__(self, wanted: InputSpec) -> None:
        super().__init__(attrs={"accept": f"{wanted.accept},{images.convertible_types()}".rstrip(",")})
        self.wanted = wanted
        #: What is there already: the kept upload or the stored picture.
        self.present: TemporaryUpload | None = None

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        convertible = images.convertible_types()
        context["wanvideo"] = {"wanted": self.wanted, "present": self.present, "convertible": convertible}
        if self.present is not None:
            context["wanvideo"]["sent"] = images.dimensions(*self.present.sent) if self.present.sent else ""
            context["wanvideo"]["size"] = formats.megabytes(self.present.size)
            context["widget"]["attrs"].pop("required", None)
        return context


class ItemsWidget(forms.Widget):
    """The items in their order, and what adds to them."""

    template_name = "wanvideo/widgets/items.html"
    input_type = "items"

    def __init__(self, wanted: InputSpec, file_name: str) -> None:
        super().__init__()
        self.wanted = wanted
        self.file_name = file_name
        #: What is known of each item, by its place.
        self.rows: list[Row] = []
        #: The field with what each belongs to, and how that is while nothing is chosen; empty where they belong to nothing.
        self.keys_name = ""
        self.keys_unset: StrOrPromise = ""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[Any]:
        posted = data.getlist(name) if hasattr(data, "getlist") else [data.get(name) or ""]
        return [*posted, *(files.getlist(self.file_name) if hasattr(files, "getlist") else [])]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return name not in data and self.file_name not in files

    def id_for_label(self, id_: str, index: Any = None) -> str:
        has_place = takes_files(self.wanted) and len(self.rows) < self.wanted.max_items
        return f"{id_}_files" if has_place else ""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        wanted = self.wanted
        accept = (
            f"{wanted.accept},{images.convertible_types()}".rstrip(",") if wanted.media == "image" else wanted.accept
        )
        context["wanvideo"] = {
            "role": wanted.role.value,
            "rows": self.rows,
            "file_name": self.file_name,
            "accept": accept,
            "takes_files": takes_files(wanted),
            "has_room": len(self.rows) < wanted.max_items,
            "most": wanted.max_items,
            "keys_name": self.keys_name,
            "keys_unset": self.keys_unset,
            "label": wanted.label or capfirst(wanted.role.label),
            "icon": {"image": "image", "audio": "sound", "video": "processing"}.get(wanted.media, "rows"),
        }
        return context


class KeysWidget(forms.MultipleHiddenInput):
    """To which input each row of a list belongs. The rows have the choices; what goes beyond them waits here."""

    #: How many rows there are.
    rows = 0

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str:
        return joined(posted_keys(data, name))

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return super().get_context(name, str(value or "").split(",")[self.rows :], attrs)


def posted_keys(data: Any, name: str) -> list[str]:
    """Return to which input each row belongs: one value for each, or one text with commas; "" where none was chosen."""
    posted = data.getlist(name) if hasattr(data, "getlist") else [data.get(name) or ""]
    return [key.strip() for text in posted for key in text.split(",")]


def joined(keys: Iterable[str | None]) -> str:
    """Return ``posted_keys`` as one text."""
    return ",".join(key or "" for key in keys).rstrip(",")


def takes_files(wanted: InputSpec) -> bool:
    """Tell whether this site can give a file on; what EvoLink's file service does not take needs a public address."""
    if wanted.media == "image":
        return True
    try:
        addresses.check_sendable()
    except ValidationError:
        return False
    return True
