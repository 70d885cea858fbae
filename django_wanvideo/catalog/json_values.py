"""JSON objects that somebody gives, made into what every database stores and gives back the same."""

from __future__ import annotations

import json
import re
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from django_wanvideo.catalog.text import printable

#: Objects and lists inside each other; MySQL takes 100.
MAX_DEPTH = 90
_NUL_IN_JSON = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def clean(value: object) -> dict[str, Any]:
    """Return a JSON object as the database will give it back: keys are texts, lazy translations are what they say now.

    Raises ValidationError for anything else, and for what some database refuses.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _problem(_('Metadata must be a JSON object, such as {"sku": "X1"}.'))
    _check_depth(value)
    try:
        found = json.dumps(value, allow_nan=False, ensure_ascii=False, default=_plain)
        found.encode()
    except UnicodeEncodeError:
        message = _("Metadata contains half a character, which cannot be stored. Type the text again.")
        raise _problem(message) from None
    except (TypeError, ValueError) as error:
        raise _problem(_("Metadata must be JSON: %(reason)s") % {"reason": printable(str(error))}) from None
    if _NUL_IN_JSON.search(found):
        raise _problem(_("Metadata contains a NUL character, which databases do not store. Take it out."))
    return read(found)


def read(written: str) -> dict[str, Any]:
    """Return what a text of JSON means. Raises ValidationError where it means nothing, or two things by one name."""
    try:
        value = json.loads(written, object_pairs_hook=_without_repeats)
    except RecursionError:
        raise _problem(_("Metadata must be JSON: it is nested too deep.")) from None
    except ValueError as error:
        # Python refuses to read very long numbers, and JSON that is none.
        raise _problem(_("Metadata must be JSON: %(reason)s") % {"reason": printable(str(error))}) from None
    if not isinstance(value, dict):
        raise _problem(_('Metadata must be a JSON object, such as {"sku": "X1"}.'))
    return value


def _check_depth(value: Any) -> None:
    """Refuse what is nested too deep, without going deep itself."""
    level = [value]
    for _depth in range(MAX_DEPTH):
        items = (item for holder in level for item in (holder.values() if isinstance(holder, dict) else holder))
        # Each once, however often it is in there: what holds itself would double with every level.
        level = list({id(item): item for item in items if isinstance(item, (dict, list, tuple))}.values())
        if not level:
            return
    raise _problem(_("Metadata must be JSON: it is nested too deep."))


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _problem(_("Metadata has the name “%(name)s” twice in one object.") % {"name": printable(twice)})
    return found


def _plain(value: object) -> str:
    if isinstance(value, Promise):
        return str(value)
    raise TypeError(_("%(kind)s is none of its kinds") % {"kind": type(value).__name__})


def _problem(message: str) -> ValidationError:
    return ValidationError(message, code="invalid")
