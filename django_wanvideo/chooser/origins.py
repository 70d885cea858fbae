"""New videos for an object of the site's own: the link that leads to one, and those that were made by it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse

from django_wanvideo.admin.forms import made_for
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models.base import people

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.contrib.admin import AdminSite
    from django.db.models import Model
    from django.http import HttpRequest

    from django_wanvideo.chooser.videos import Videos
    from django_wanvideo.models import VideoTask

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
    #: What tasks that were made for this field of this object say of it.
    key: str = ""
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
        key = self._key_of(obj)
        return Offer(kind, url=f"{address}?{urlencode({made_for.NAME: token})}", key=key, made=self._made(key))

    def expect(self, objects: Iterable[Model]) -> None:
        """Note objects that will be offered something, so that what was made for them is found together."""
        if self.videos.kept is not None:
            self.videos.kept.setdefault("expected_keys", set()).update(map(self._key_of, objects))

    def _key_of(self, obj: Model) -> str:
        return made_for.key_of(obj._meta.label_lower, obj.pk, self.name)  # noqa: SLF001 - documented model API

    def _made(self, key: str) -> list[VideoTask]:
        pks = self._newest(key)[:OFFERED]
        if not pks:
            return []
        tasks = people.fetched_with(self.videos.visible.filter(pk__in=pks), "owner").prefetch_related("inputs")
        return [task for task in tasks.order_by("-created_at", "-pk") if self.videos.may_see(task)]

    def _newest(self, key: str) -> list[Any]:
        kept = self.videos.kept if self.videos.kept is not None else {}
        found: dict[str, list[Any]] = kept.setdefault("made", {})
        if key not in found:
            wanted = {key, *kept.pop("expected_keys", ())} - found.keys()
            found.update((wish, []) for wish in wanted)
            hopeful = self.videos.visible.exclude(status__in=[TaskStatus.FAILED, TaskStatus.CANCELLED])
            newest = hopeful.filter(made_for__in=wanted).order_by("-created_at", "-pk")
            for pk, made in newest.values_list("pk", "made_for"):
                # A database may take upper for lower case.
                if made in wanted:
                    found[made].append(pk)
        return found[key]
