"""The first frame of a request: where it comes from, whether it will do, and what it is by its bytes."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django_wanvideo.simulator import urls
from django_wanvideo.simulator.media import images

from . import materials
from .specs import MODELS

if TYPE_CHECKING:
    from .state import State
    from .tasks import Task


class FirstFrames:
    """Takes the pictures of tasks, and remembers which ones are good."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._good: set[tuple[str, str]] = set()

    def take(self, task: Task) -> None:
        """Give a task its picture, and the price that its clips make; ImageError when one of them will not do.

        A picture beyond this machine is not fetched: the video is made of a placeholder.
        """
        url = _url(task)
        digest = self._fetch(url) if url is not None else None
        if digest is not None and (task.model, digest) not in self._good:
            images.check(self._state.blobs.path(digest).read_bytes(), MODELS[task.model].images)
            self._good.add((task.model, digest))
        task.picture_digest = digest
        task.final_price = materials.price_of(task, self._state)

    def is_quick(self, task: Task) -> bool:
        """Whether all that a task is made from is here already, or never will be."""
        url = _url(task)
        is_here = url is None or self._state.is_own(url) or not self._is_local(url)
        return is_here and not materials.are_local(task, self._state)

    def content(self, body: dict[str, Any]) -> str:
        """A short digest of what is asked for: without the callback, and with uploaded files by their bytes."""

        def canonical(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: canonical(item) for name, item in value.items() if name != "callback_url"}
            if isinstance(value, list):
                return [canonical(item) for item in value]
            stored = self._state.stored_file(value) if isinstance(value, str) else None
            return f"sha256:{stored.digest}" if stored else value

        return hashlib.sha256(json.dumps(canonical(body), sort_keys=True).encode()).hexdigest()[:16]

    def _fetch(self, url: str) -> str | None:
        """The digest of a picture that is now kept; None for one that is not fetched."""
        if self._state.is_own(url):
            stored = self._state.stored_file(url)
            if stored is None:
                raise images.ImageError("image_processing_error", "The image URL answered HTTP 404.")
            return stored.digest
        if self._is_local(url):
            return self._state.blobs.put(images.fetch(url))
        if urls.is_private(urlsplit(url).hostname or ""):
            raise images.ImageError("image_processing_error", "The image URL points to an internal address.")
        return None

    def _is_local(self, url: str) -> bool:
        return self._state.options.allow_loopback and urls.is_loopback(urlsplit(url).hostname or "")


def _url(task: Task) -> str | None:
    value = task.body.get(MODELS[task.model].first_frame or "")
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, str) else None
