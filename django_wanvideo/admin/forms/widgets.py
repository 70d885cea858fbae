"""Form controls of the add page. Each works without JavaScript; modules in ``static/wanvideo/js`` add to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from django_wanvideo.admin.presentation import formats
from django_wanvideo.catalog import images
from django_wanvideo.catalog.text import normalised

if TYPE_CHECKING:
    from django_wanvideo.admin.forms.temporary_uploads import TemporaryUpload
    from django_wanvideo.catalog import InputSpec, ParameterSpec


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
