"""Where an error stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from django_wanvideo.choices import InputRole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_wanvideo.catalog import ModelSpec, ParameterSpec

#: What is wrong, and what would be right.
Sentences = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """A cell of a row, and the model that the row is for, where it has one."""

    column: str
    cell: str
    row: Mapping[str, Any]
    spec: ModelSpec | None

    @property
    def kind(self) -> str:
        """What the column is for, as far as errors of one code differ by it."""
        if self.column == "prompt":
            return "prompt"
        if self.column == "idempotency_key":
            return "key"
        if self.column in InputRole.values:
            return "input"
        return "parameter" if self.parameter is not None else "other"

    @property
    def parameter(self) -> ParameterSpec | None:
        """The parameter that the column sets."""
        known = self.spec.parameters if self.spec is not None else ()
        return next((item for item in known if item.name == self.column), None)

    @property
    def model(self) -> str:
        """The model's name in a sentence."""
        return str(self.spec.short_label) if self.spec is not None else ""


def one_of(names: Iterable[Any]) -> str:
    """Return names as people list what they may choose from: ``480p, 720p or 1080p``."""
    *others, last = map(str, names)
    if not others:
        return last
    return _("%(others)s or %(last)s") % {"others": ", ".join(others), "last": last}
