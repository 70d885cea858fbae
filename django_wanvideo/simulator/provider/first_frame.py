"""The first frame of a request: where it comes from, whether it will do, and what it is by its bytes."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from . import addresses, pictures
from .rules import MODELS

if TYPE_CHECKING:
    from .core import Simulator
    from .tasks import Task


class FirstFrames:
    """Takes the pictures of tasks, and remembers which ones are good."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self._checked: dict[tuple[str, str], pictures.Problem | None] = {}

    def take(self, task: Task) -> pictures.Problem | None:
        """Give a task its picture, or say why not.

        A picture beyond this machine is not fetched: the video is made of a placeholder.
        """
        url = _url(task)
        if url is None:
            return None
        try:
            digest = self._fetch(url)
        except pictures.Problem as missing:
            return missing
        if digest is None:
            return None
        problem = self._check(task.model, digest)
        if problem is None:
            task.picture_digest = digest
        return problem

    def is_quick(self, task: Task) -> bool:
        """Whether a task's picture is here already, or never will be."""
        url = _url(task)
        return url is None or self._sim.is_own(url) or not self._is_local(url)

    def content(self, body: dict[str, Any]) -> str:
        """A short digest of what is asked for: without the callback, and with uploaded files by their bytes."""

        def canonical(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: canonical(item) for name, item in value.items() if name != "callback_url"}
            if isinstance(value, list):
                return [canonical(item) for item in value]
            stored = self._sim.stored_file(value) if isinstance(value, str) else None
            return f"sha256:{stored.digest}" if stored else value

        return hashlib.sha256(json.dumps(canonical(body), sort_keys=True).encode()).hexdigest()[:16]

    def _fetch(self, url: str) -> str | None:
        """The digest of a picture that is now kept; None for one that is not fetched."""
        if self._sim.is_own(url):
            stored = self._sim.stored_file(url)
            if stored is None:
                raise pictures.Problem("image_processing_error", "The image URL answered HTTP 404.")
            return stored.digest
        if self._is_local(url):
            return self._sim.blobs.put(pictures.fetch(url))
        if addresses.is_private(urlsplit(url).hostname or ""):
            raise pictures.Problem("image_processing_error", "The image URL points to an internal address.")
        return None

    def _check(self, model_id: str, digest: str) -> pictures.Problem | None:
        """Check a picture once per model, however often it is used."""
        key = (model_id, digest)
        if key not in self._checked:
            self._checked[key] = pictures.judge(self._sim.blobs.path(digest).read_bytes(), MODELS[model_id].pictures)
        return self._checked[key]

    def _is_local(self, url: str) -> bool:
        return self._sim.options.allow_loopback and addresses.is_loopback(urlsplit(url).hostname or "")


def _url(task: Task) -> str | None:
    value = task.body.get(MODELS[task.model].first_frame or "")
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, str) else None
