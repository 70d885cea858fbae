"""What each person chose last in the admin, kept in the database, because a person has several browsers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from django_wanvideo import catalog
from django_wanvideo.admin.caching import once
from django_wanvideo.conf import conf
from django_wanvideo.models import SiteState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

    from django_wanvideo.catalog import ModelSpec

#: The list as a list or a grid; whether keys pick and play; the model that new videos are made with.
VIEW, KEYS, MODEL = "view", "keys", "model"
LIST, GRID = "list", "grid"
ON, OFF = "on", "off"
#: What can be chosen; the first is for who has chosen nothing.
_VALUES = {VIEW: (LIST, GRID), KEYS: (ON, OFF)}
#: Characters that the name of a row holds.
_LONGEST = 40


def row_name(request: HttpRequest, kind: str) -> str:
    """Return the name of the row that keeps the choice of who is signed in."""
    name = f"{kind}:{request.user.pk}"
    return name if len(name) <= _LONGEST else f"{kind}:{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def of(request: HttpRequest, kind: str, rows: Mapping[str, SiteState] | None = None) -> str:
    """Return what who is signed in has chosen; an empty text for no model.

    Args:
        rows: rows of the site's state, that person's among them, where they were read already.
    """
    name = row_name(request, kind)
    row = SiteState.objects.filter(name=name).first() if rows is None else rows.get(name)
    chosen = row.value.get("chosen") if row is not None else None
    return str(chosen or _VALUES.get(kind, ("",))[0])


def keep(request: HttpRequest, kind: str, chosen: str, rows: Mapping[str, SiteState] | None = None) -> None:
    """Keep what was chosen, if that can be chosen and is something else than before."""
    if chosen in _VALUES.get(kind, (chosen,)) and chosen != of(request, kind, rows):
        SiteState.objects.update_or_create(name=row_name(request, kind), defaults={"value": {"chosen": chosen}})


def model_of(request: HttpRequest, rows: Mapping[str, SiteState] | None = None) -> ModelSpec | None:
    """Return the chosen model, if it is offered still; the site's default for who has chosen none."""
    chosen = once(request, "model", lambda: of(request, MODEL, rows))
    offered = {spec.id: spec for spec in catalog.models()}
    return next((offered[name] for name in (chosen, conf.DEFAULT_MODEL) if name in offered), None)
