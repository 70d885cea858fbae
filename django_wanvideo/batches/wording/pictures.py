"""What is said of pictures, other files and links."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from django_wanvideo.batches.wording.place import Place, Sentences, one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_wanvideo.catalog import InputSpec


def _missing(place: Place, params: Mapping[str, Any]) -> Sentences:
    repair = _("The name of a file in the ZIP, or a link")
    if _wanted(place) is not None and _is_picture(place):
        return _("There is no picture, and this model needs one."), repair
    return _("There is nothing here, and this model needs it."), repair


def _no_such_file(place: Place, params: Mapping[str, Any]) -> Sentences:
    wrong = _("There is no file of this name.")
    if not _is_picture(place):
        return wrong, _("%(meant)s, which is there") % params if params.get("meant") else _("Another name")
    if params.get("source"):
        wrong = _("This picture is not in %(source)s.") % params
    if params.get("meant"):
        return wrong, _("%(meant)s, which is there; or add the picture") % params
    return wrong, _("Another name; or add the picture")


def _no_files(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("This is the name of a file, but no ZIP file was given."), _("The ZIP file, or a link")


def _ambiguous(place: Place, params: Mapping[str, Any]) -> Sentences:
    repair = _("The name with its folder: %(name)s") % params
    return _("The ZIP file has this name twice."), repair


def _sides(place: Place, params: Mapping[str, Any]) -> Sentences:
    words = {**params, "size": f"{params['width']} × {params['height']}"}
    width, height = params["width"], params["height"]
    if min(width, height) < params["low"] and max(width, height) <= params["high"]:
        wrong = _("The picture is %(size)s px, too small for this model.") % words
    elif min(width, height) >= params["low"]:
        wrong = _("The picture is %(size)s px, too large for this model.") % words
    else:
        wrong = _("The picture is %(size)s px; one side is too long for the other.") % words
    return wrong, _("Each side %(low)s to %(high)s px") % words


def _pixels(place: Place, params: Mapping[str, Any]) -> Sentences:
    wanted = _wanted(place)
    wrong = _("The picture has too many pixels to be opened.")
    if wanted is None or wanted.min_side is None or wanted.max_side is None:
        return wrong, _("A smaller picture")
    return wrong, _("Each side %(low)s to %(high)s px") % {"low": wanted.min_side, "high": wanted.max_side}


def _bytes(place: Place, params: Mapping[str, Any]) -> Sentences:
    wrong = _("The picture has %(size)s.") % params
    if "limit" not in params:
        return wrong, _("The picture smaller, as JPEG")
    return wrong, _("At most %(limit)s") % params


def _transparent(place: Place, params: Mapping[str, Any]) -> Sentences:
    wrong = _("This %(format)s has transparent parts. EvoLink refuses those.") % params
    return wrong, _("The picture as JPEG, or with a filled background")


def _no_picture(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("This file is no picture."), _formats(place)


def _format(place: Place, params: Mapping[str, Any]) -> Sentences:
    kind = str(params.get("format", ""))
    named = posixpath.splitext(place.cell)[1].removeprefix(".").upper()
    if named == kind or not named:
        return _("This is a %(format)s file, which this model does not take.") % params, _formats(place)
    return _("This file is a %(format)s, whatever its name says.") % params, _formats(place)


def _damaged(place: Place, params: Mapping[str, Any]) -> Sentences:
    if not _is_picture(place):
        return _("The file is damaged, or its end is missing."), _("The file copied once more, or saved anew")
    wrong = _("The picture is damaged, or its end is missing.")
    return wrong, _("The picture copied once more, or saved anew as JPEG")


def _animated(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("This picture moves, or holds several."), _("One of its pictures, as JPEG")


def _empty(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("The file is empty."), _("The picture itself") if _is_picture(place) else _("The file itself")


def _private(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("This address cannot be opened from outside."), _("An https link that opens without signing in")


def _no_link(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("This is no complete link."), _("https://, the site and the file, as the browser shows it")


def _odd_link(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("The link has characters that no link can have, or a blank."), _("The link, copied once more")


def _long_link(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("The link has %(length)s characters.") % params, _("At most %(limit)s characters, or the file") % params


def _too_many(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("%(count)s were given.") % params, _("At most %(limit)s") % params


def _wanted(place: Place) -> InputSpec | None:
    if place.spec is None or not place.spec.has_role(place.column):
        return None
    return place.spec.input(place.column)


def _is_picture(place: Place) -> bool:
    wanted = _wanted(place)
    return wanted is None or wanted.media == "image"


def _formats(place: Place) -> str:
    wanted = _wanted(place)
    return one_of(wanted.formats if wanted is not None else ("JPEG", "PNG"))


SENTENCES: dict[str, Callable[[Place, Mapping[str, Any]], Sentences]] = {
    "ambiguous": _ambiguous,
    "animated": _animated,
    "credentials": _private,
    "damaged": _damaged,
    "empty": _empty,
    "format": _format,
    "host": _no_link,
    "invalid": _no_link,
    "invalid_characters": _odd_link,
    "max_bytes": _bytes,
    "max_items": _too_many,
    "max_length": _long_link,
    "no_files": _no_files,
    "no_such_file": _no_such_file,
    "not_an_image": _no_picture,
    "private_host": _private,
    "required": _missing,
    "scheme": _no_link,
    "sides": _sides,
    "too_many_pixels": _pixels,
    "transparency": _transparent,
}
