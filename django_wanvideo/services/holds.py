"""What holds the whole site's sending back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt


@dataclass(frozen=True)
class Hold:
    """One reason; ``detail`` holds no secret and is shown to staff."""

    #: "account", "breaker", "person", "installation" or "rolled_back".
    kind: str
    since: dt.datetime
    detail: dict[str, Any] = field(default_factory=dict)


def standing() -> list[Hold]:
    """Return every hold that stands; sending goes on only when there is none."""
    from django_wanvideo.services import installation

    return installation.holds()
