"""The model that a person makes videos with, as chosen on the page that compares them; kept in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_wanvideo import catalog
from django_wanvideo.admin.caching import once
from django_wanvideo.admin.gallery import choice
from django_wanvideo.conf import conf
from django_wanvideo.models import SiteState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

    from django_wanvideo.catalog import ModelSpec

_KEY = "model"


def row_name(request: HttpRequest) -> str:
    """Return the name of the row that keeps the choice of who is signed in."""
    return f"form:{choice.row_name(request).removeprefix('view:')}"


def of(request: HttpRequest, rows: Mapping[str, SiteState] | None = None) -> ModelSpec | None:
    """Return the model that who is signed in has chosen, if it is offered still; the site's default for who has not.

    Args:
        rows: rows of the site's state, that person's among them, where they were read already.
    """
    row = once(
        request,
        "model",
        lambda: (
            SiteState.objects.filter(name=row_name(request)).first() if rows is None else rows.get(row_name(request))
        ),
    )
    wanted = [str(row.value.get(_KEY, ""))] if row is not None else []
    offered = {spec.id: spec for spec in catalog.models()}
    return next((offered[name] for name in [*wanted, conf.DEFAULT_MODEL] if name in offered), None)


def keep(request: HttpRequest, spec: ModelSpec) -> None:
    """Let the add page open with ``spec`` from now on, for who is signed in."""
    SiteState.objects.update_or_create(name=row_name(request), defaults={"value": {_KEY: spec.id}})
