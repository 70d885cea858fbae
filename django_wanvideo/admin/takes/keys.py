"""Whether keys pick and play: what each person chose last, kept in the database, because a person has several browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse, HttpResponseRedirect

from django_wanvideo.admin.gallery import choice
from django_wanvideo.models import SiteState

if TYPE_CHECKING:
    from django.http import HttpRequest

#: What the page sends, and its two values.
NAME = "keys"
ON, OFF = VALUES = ("on", "off")


def of(request: HttpRequest) -> str:
    """Return whether who is signed in wants keys: ``"on"``, as long as nothing else was chosen, or ``"off"``."""
    row = SiteState.objects.filter(name=_row_name(request)).first()
    return str(row.value.get(NAME, ON)) if row is not None else ON


def keep(request: HttpRequest) -> HttpResponse:
    """Keep what was chosen; to a script nothing is shown."""
    chosen = request.POST.get(NAME)
    if chosen in VALUES:
        SiteState.objects.update_or_create(name=_row_name(request), defaults={"value": {NAME: chosen}})
    is_script = "wanvideo" in request.headers.get("X-Requested-With", "")
    return HttpResponse(status=204) if is_script else HttpResponseRedirect(request.get_full_path())


def _row_name(request: HttpRequest) -> str:
    return f"keys:{choice.row_name(request).removeprefix('view:')}"
