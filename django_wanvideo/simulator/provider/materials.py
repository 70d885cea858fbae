"""The clips, sounds and documents of a request: where they come from, whether they will do, and how long clips are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django_wanvideo.simulator import urls
from django_wanvideo.simulator.media import clips, images

from .specs import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from .state import State
    from .tasks import Task


def price_of(task: Task, state: State) -> Decimal:
    """Read a task's materials; return what its video costs with clips of their length. ImageError when one will not do.

    What is beyond this machine is not fetched, and its length stays unknown.
    """
    lengths: list[Decimal | None] = []
    for kind, url in _named(task.body):
        host = urlsplit(url).hostname or ""
        is_local = state.options.allow_loopback and urls.is_loopback(host)
        if not is_local and urls.is_private(host):
            raise images.ImageError("image_processing_error", f"The {kind} URL points to an internal address.")
        seconds = clips.check(images.fetch(url, clips.MAX_BYTES[kind]), kind) if is_local else None
        if kind == "video":
            lengths.append(seconds)
    return MODELS[task.model].price.credits(task.seconds, task.quality, audio=task.audio, videos=lengths)


def are_local(task: Task, state: State) -> bool:
    """Whether any of them has to be fetched from this machine."""
    if not state.options.allow_loopback:
        return False
    return any(urls.is_loopback(urlsplit(url).hostname or "") for _kind, url in _named(task.body))


def _named(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    params = body.get("model_params") or {}
    for url in body.get("video_urls") or ():
        yield "video", url
    sounds = [*(body.get("audio_urls") or ()), body.get("audio_url"), *(params.get("voice_bindings") or {}).values()]
    for url in filter(None, sounds):
        yield "audio", url
    if params.get("file_url"):
        yield "document", params["file_url"]
