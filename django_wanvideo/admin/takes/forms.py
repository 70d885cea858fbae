"""The form on which takes are asked for."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_wanvideo import catalog
from django_wanvideo.catalog import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_wanvideo.catalog import ParameterSpec
    from django_wanvideo.models import VideoTask

#: Takes that can be made at a time.
MOST = 50
#: How many more the form offers at first: with the one that is there, four to choose from.
USUAL = 3
_LARGEST_SEED = 2_147_483_647
#: The page asks for a price with the number of lines in place of the words.
_LINES = {"rows": 5, "dir": "auto", "data-wanvideo-lines": True}


class MakeTakesForm(forms.Form):
    """How many more takes of one task, and what differs in them."""

    repeats = forms.IntegerField(
        label=gettext_lazy("With the same prompt"),
        help_text=gettext_lazy("The same request comes out differently each time."),
        required=False,
        initial=USUAL,
        min_value=0,
        max_value=MOST,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    prompts = forms.CharField(
        label=gettext_lazy("With other prompts, one per line"),
        help_text=gettext_lazy("Each line becomes a take with the same picture and settings."),
        required=False,
        widget=forms.Textarea(attrs=_LINES),
    )
    seeds = forms.CharField(
        label=gettext_lazy("With these seeds, one per line"),
        help_text=gettext_lazy("Each becomes a take with the same prompt and this seed."),
        required=False,
        widget=forms.Textarea(attrs={**_LINES, "rows": 2, "inputmode": "numeric"}),
    )

    def __init__(self, *args: Any, task: VideoTask, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.task = task
        spec = catalog.find(task.model)
        #: What the model says of seeds; ``None`` where it takes none.
        self.seed = next((item for item in spec.parameters if item.name == "seed"), None) if spec is not None else None
        if self.seed is not None:
            self.fields["repeats"].help_text = _("Each gets another seed, so that it comes out differently.")
        else:
            del self.fields["seeds"]

    def changes(self, key: str = "") -> list[dict[str, Any]]:
        """Return what differs, for each take; the same for the same key."""
        repeats = self.cleaned_data.get("repeats") or 0
        found: list[dict[str, Any]] = [
            {"seed": _seed(self.seed, key, number)} if self.seed is not None else {} for number in range(repeats)
        ]
        found.extend({"prompt": line} for line in self.lines())
        found.extend({"seed": self.seed.parse(line)} for line in self._seed_lines() if self.seed is not None)
        return found

    def lines(self) -> list[str]:
        """Return the other prompts."""
        return text.lines(self.cleaned_data.get("prompts", ""))

    @property
    def wanted(self) -> list[Any]:
        """What tells this wish from others."""
        return [self.lines(), self._seed_lines(), self.cleaned_data.get("repeats")]

    def clean_seeds(self) -> str:
        seeds: str = self.cleaned_data["seeds"]
        for line in text.lines(seeds):
            if self.seed is not None:
                self.seed.parse(line)
        return seeds

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors:
            count = len(self.changes())
            if not count:
                raise ValidationError(_("Say how many with the same prompt, or write at least one other prompt."))
            if count > MOST:
                raise ValidationError(_("At most %(n)s takes can be made at a time."), params={"n": MOST})
        return data

    def _seed_lines(self) -> list[str]:
        return text.lines(self.cleaned_data.get("seeds", ""))


def count_in(data: Mapping[str, str]) -> int:
    """Return how many takes a page is about to ask for: it says how many repeats, and how many lines of the others."""
    numbers = (str(data.get(name, "")).strip() for name in ("repeats", "prompts", "seeds"))
    return sum(int(number) for number in numbers if number.isdecimal() and len(number) < 6)


def _seed(seed: ParameterSpec, key: str, number: int) -> int:
    """Return a seed that is the same for the same form."""
    digest = hashlib.sha256(f"{key}:{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % (seed.maximum or _LARGEST_SEED) + 1
