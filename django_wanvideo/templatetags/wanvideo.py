"""``{% load wanvideo %}{% wanvideo task %}``: a stored video as a player on a page of the site."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import django
from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from django_wanvideo import catalog
from django_wanvideo.conf import conf
from django_wanvideo.models import VideoTask
from django_wanvideo.models.creation import files

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.template.context import Context

logger = logging.getLogger(__name__)
register = template.Library()

#: How the IPTC calls what a model made.
DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
#: What could end a script, or be read as anything but JSON in one.
_ESCAPES = {ord(letter): f"\\u{ord(letter):04X}" for letter in "<>&\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}"}


@register.inclusion_tag("wanvideo/embed.html", takes_context=True)
def wanvideo(
    context: Context,
    task: Any,
    *,
    preload: str = "metadata",
    note: str = "",
    width: int | None = None,
    height: int | None = None,
    captions: str = "",
    srclang: str = "",
    label: str = "",
    fallback: str = "",
    schema: bool = False,
    nonce: str = "",
    **about: Any,
) -> dict[str, Any]:
    """Show the stored video of a task; without one, ``fallback``.

    Args:
        preload: ``none``, ``metadata`` or ``auto``.
        note: the words below it instead of “Made with AI”.
        width: and ``height``, pixels; otherwise from the task's own settings, as far as they say it.
        captions: the address of a WebVTT file, with its ``srclang`` (the page's language otherwise) and ``label``.
        schema: whether search engines are told of it (JSON-LD); ``nonce`` is for a Content Security Policy.
        about: what they are told: ``name``, ``description``, ``upload_date`` and whatever else a ``VideoObject`` has;
            and ``class``, further classes of the ``<figure>``.
    """
    if not isinstance(task, VideoTask) or not task.video:
        return {"fallback": fallback}
    request = context.get("request")
    source, still = _address("video", task), _address("poster", task)
    css_class = about.pop("class", "")
    size = (width, height) if width and height else size_of(task)
    return {
        "task": task,
        "source": source,
        # A small picture would be blown up; without one, players show the beginning.
        "poster": still if task.poster else "",
        "size": size,
        "preload": preload if preload in {"none", "metadata", "auto"} else "metadata",
        "css_class": css_class,
        "note": note,
        "captions": captions,
        "srclang": srclang or get_language() or "",
        "label": label,
        "schema": _schema(request, source, still, about) if schema else "",
        "nonce": nonce or _nonce(context, request),
    }


def size_of(task: VideoTask) -> tuple[int, int] | None:
    """Return width and height in pixels as the task's settings make them; ``None`` where they do not say it.

    The area is the quality's; the sides are to each other as the first frame's, or as the setting for the format says.
    """
    spec = catalog.find(task.model)
    values = task.parameters if spec is None else spec.effective_values(task.parameters)
    lines, sides = str(values.get("quality", "")).removesuffix("p"), str(values.get("aspect_ratio") or "").split(":")
    frame = task.first_frame
    if frame is not None and frame.width and frame.height:
        ratio = frame.width / frame.height
    elif frame is None and len(sides) == 2 and all(side.isdecimal() and int(side) for side in sides):
        ratio = int(sides[0]) / int(sides[1])
    else:
        return None
    if not lines.isdecimal():
        return None
    area = int(lines) ** 2 * 16 / 9
    return max(2, 2 * round((area * ratio) ** 0.5 / 2)), max(2, 2 * round((area / ratio) ** 0.5 / 2))


def _address(name: str, task: VideoTask) -> str:
    """Return the address of a file: ours where the site says who may follow it, else the storage's own."""
    stored = task.video if name == "video" else task.still
    own = "" if conf.VIDEO_ACCESS else files.url_of(stored)
    if own or not stored:
        return own
    try:
        return reverse(f"wanvideo:{name}", args=[task.pk])
    except NoReverseMatch:
        return files.url_of(stored)


def _schema(request: HttpRequest | None, source: str, still: str, about: dict[str, Any]) -> SafeString | str:
    if not about.get("name"):
        logger.warning("{%% wanvideo … schema=True %%} needs a name; search engines are told nothing.")
        return ""

    def absolute(address: str) -> str:
        if request is not None:
            return request.build_absolute_uri(address)
        return address if "://" in address else f"{(conf.SITE_URL or '').rstrip('/')}{address}"

    found: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "VideoObject",
        "contentUrl": absolute(source),
        "digitalSourceType": DIGITAL_SOURCE_TYPE,
    }
    if still:
        found["thumbnailUrl"] = absolute(still)
    for name, value in about.items():
        if value is not None and value != "":
            first, *others = name.split("_")
            found[first + "".join(word.capitalize() for word in others)] = _plain(value)
    return mark_safe(json.dumps(found, ensure_ascii=False).translate(_ESCAPES))  # noqa: S308 - nothing of HTML is left in it


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value if isinstance(value, (bool, int, float)) else str(value)


def _nonce(context: Context, request: HttpRequest | None) -> str:
    """Return the nonce of this answer, by Django's own Content Security Policy or by django-csp's; or an empty string."""
    # They are made when they are read as text, and are false before.
    given = context.get("csp_nonce", getattr(request, "csp_nonce", None))
    if given is None and request is not None and django.VERSION >= (6, 0):
        from django.middleware.csp import get_nonce

        given = get_nonce(request)
    return "" if given is None else str(given)
