"""List or grid: what each person chose last, kept in the database, because a person has several browsers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from django.http import HttpResponseRedirect

from django_wanvideo.models import SiteState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse

#: The parameter of the list's address that chooses.
PARAMETER = "view"
LIST, GRID = VIEWS = ("list", "grid")
#: Characters that the name of a row holds.
_LONGEST = 40


def row_name(request: HttpRequest) -> str:
    """Return the name of the row that keeps the choice of who is signed in."""
    name = f"view:{request.user.pk}"
    return name if len(name) <= _LONGEST else f"view:{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def of(request: HttpRequest, rows: Mapping[str, SiteState]) -> str:
    """Return what the list is shown as to who is signed in; ``rows`` are of the site's state, that person's among them."""
    kept = rows.get(row_name(request))
    return str(kept.value.get(PARAMETER, LIST)) if kept is not None else LIST


def keep(request: HttpRequest, rows: Mapping[str, SiteState]) -> HttpResponse:
    """Keep what the address chooses, if that is something else than before, and lead on to the list.

    That address is without the choice, so that whoever is sent it sees the list as they like it.
    """
    parameters = request.GET.copy()
    chosen = str(parameters.pop(PARAMETER)[-1])
    if chosen in VIEWS and chosen != of(request, rows):
        SiteState.objects.update_or_create(name=row_name(request), defaults={"value": {PARAMETER: chosen}})
    return HttpResponseRedirect(f"{request.path}?{parameters.urlencode()}" if parameters else request.path)
