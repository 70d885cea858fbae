"""New videos for an object of the site's own: the link that leads to one, and those that were made by it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.db.models.fields.json import KT
from django.urls import reverse

from django_wanvideo.admin.forms import made_for
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models.base import people

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.admin import AdminSite
    from django.db.models import Model
    from django.http import HttpRequest

    from django_wanvideo.chooser.videos import Videos
    from django_wanvideo.models import VideoTask

#: So many of the newest tasks are looked through for those of an object: no index knows what is in ``metadata``.
LOOKED_THROUGH = 300
#: So many of an object's are offered.
OFFERED = 3


@dataclass(frozen=True)
class Offer:
    """What a field offers beside what can be chosen from all."""

    #: What an object of its kind is called: "product".
    kind: str
    #: The address on which a new one is made; empty as long as the object has no picture, or the person may make none.
    url: str = ""
    needs_picture: bool = False
    #: The newest that were made for this field of this object, finished or on their way.
    made: list[VideoTask] = field(default_factory=list)


@dataclass(frozen=True)
class Origin:
    """The picture of an object from which videos for one of its fields are made."""

    site: AdminSite
    request: HttpRequest
    videos: Videos
    name: str
    picture: str
    metadata_of: Callable[[Any, str], dict[str, Any]]

    def __call__(self, obj: Model | None) -> Offer | None:
        """Return what is offered for ``obj``; nothing for somebody who may make no video."""
        if obj is None or not self.videos.may_make:
            return None
        kind, is_new = str(obj._meta.verbose_name), obj._state.adding  # noqa: SLF001 - documented model API
        stored = getattr(obj, self.picture)
        # What was chosen in a form that is shown again is stored nowhere yet.
        if is_new or not stored or not stored._committed:  # noqa: SLF001 - no public way to ask
            return Offer(kind, needs_picture=True)
        token = made_for.sign(obj, self.name, stored, user=self.request.user, metadata=self.metadata_of(obj, self.name))
        address = reverse("admin:wanvideo_videotask_add", current_app=self.site.name)
        return Offer(kind, url=f"{address}?{urlencode({made_for.NAME: token})}", made=self._made(obj))

    def _made(self, obj: Model) -> list[VideoTask]:
        key = made_for.key_of(obj._meta.label_lower, obj.pk, self.name)  # noqa: SLF001 - documented model API
        pks = self._by_key().get(key, [])[:OFFERED]
        if not pks:
            return []
        tasks = people.fetched_with(self.videos.visible.filter(pk__in=pks), "owner").prefetch_related("inputs")
        return [task for task in tasks.order_by("-created_at", "-pk") if self.videos.may_see(task)]

    def _by_key(self) -> dict[str, list[Any]]:
        """Look through the newest tasks, once for all forms of a request."""
        kept = self.videos.kept if self.videos.kept is not None else {}
        if "made" not in kept:
            hopeful = self.videos.visible.exclude(status__in=[TaskStatus.FAILED, TaskStatus.CANCELLED])
            newest = hopeful.annotate(wanvideo_made_for=KT(f"metadata__{made_for.NAME}")).order_by("-created_at", "-pk")
            found: dict[str, list[Any]] = {}
            for pk, key in newest.values_list("pk", "wanvideo_made_for")[:LOOKED_THROUGH]:
                if key:
                    found.setdefault(key, []).append(pk)
            kept["made"] = found
        made: dict[str, list[Any]] = kept["made"]
        return made
