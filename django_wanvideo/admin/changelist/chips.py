"""The filters that are set, each with the address of the list without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django_wanvideo.admin.changelist.narrowing import Filter

if TYPE_CHECKING:
    from django_wanvideo.admin.changelist.changelist import TaskChangeList


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter that is set."""

    words: str
    #: The address that takes the filter away.
    url: str


def of(changelist: TaskChangeList) -> list[Chip]:
    """Return a chip for each filter that is set, a site's own ones too."""
    found = []
    for spec in changelist.filter_specs:
        names = {name for name in spec.expected_parameters() if name and any(changelist.filter_params.get(name, ()))}
        if names and (words := _words(spec, changelist)):
            found.append(Chip(words, changelist.url_without(*names)))
    return found


def _words(spec: Any, changelist: TaskChangeList) -> str:
    if isinstance(spec, Filter):
        return spec.shown()
    chosen = next((str(choice["display"]) for choice in spec.choices(changelist) if choice.get("selected")), "")
    # Words of a site's own filter, such as "Yes", may say little without its title.
    return f"{spec.title}: {chosen}" if chosen else str(spec.title or "")
