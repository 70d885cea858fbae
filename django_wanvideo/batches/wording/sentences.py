"""The sentences for each kind of error, by its code and where it stands.

Errors say in one message what is wrong and what to do, for forms and programs. A table has a column for each: a fact
about the cell, and what to write instead, as a value where there is one. What has no sentences here keeps its message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.batches.wording import pictures, values
from django_wanvideo.batches.wording.nearest import nearest
from django_wanvideo.batches.wording.place import Place, Sentences, one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.core.exceptions import ValidationError


def of(error: ValidationError, place: Place) -> Sentences:
    """Return what is wrong, and what would be right; the latter may be empty."""
    params = error.params or {}
    given = place.row.get(place.column)
    # Of what is in no cell, and of objects that Python gave, only the error itself knows what is wrong.
    is_own = place.kind == "parameter" and not place.cell
    if is_own or (place.kind == "input" and error.code == "invalid" and not isinstance(given, str)):
        return " ".join(error.messages), ""
    for sentences in (_BY_KIND[place.kind], _ANYWHERE):
        write = sentences.get(str(error.code))
        if write is not None:
            return write(place, params)
    return " ".join(error.messages), ""


def _no_prompt(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("There is no prompt, neither here nor for all."), _("Words here, or a prompt for all")


def _long_prompt(place: Place, params: Mapping[str, Any]) -> Sentences:
    shown = {name: _grouped(params[name]) for name in ("length", "limit", "excess")}
    wrong = _("The prompt has %(length)s characters, %(excess)s too many.") % shown
    return wrong, _("At most %(limit)s characters") % shown


def _odd_characters(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("The text has characters that cannot be sent."), _("The text, typed again instead of pasted")


def _unknown_placeholder(place: Place, params: Mapping[str, Any]) -> Sentences:
    wrong = _("The table has no column `%(name)s`.") % params
    if meant := nearest(params["name"], [*place.row, "name", "number"]):
        return wrong, _("`{%(name)s}`, which is a column") % {"name": meant}
    return wrong, _("The name of a column; a brace itself is written `{{`")


def _empty_placeholder(place: Place, params: Mapping[str, Any]) -> Sentences:
    wrong = _("The prompt uses `{%(name)s}`, which is empty in this row.") % params
    return wrong, _("A word in the column %(name)s") % params


def _open_brace(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("A brace is opened and not closed."), _("`{name}`; a brace itself is written `{{`")


def _closed_brace(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("A brace is closed and was not opened."), _("`{name}`; a brace itself is written `}}`")


def _unknown_model(place: Place, params: Mapping[str, Any]) -> Sentences:
    known = [spec.id for spec in catalog.models()]
    meant = nearest(place.cell, known)
    return _("There is no model of this name."), meant or one_of(known)


def _unknown_parameter(place: Place, params: Mapping[str, Any]) -> Sentences:
    wrong = _("%(model)s has no setting `%(name)s`.") % params
    meant = params.get("meant")
    return wrong, f"`{meant}`" if meant else _("An empty cell, or another model")


def _unknown_option(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("There is no column `%(name)s`.") % params, f"`{params['meant']}`"


def _unknown_input(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("%(model)s takes no `%(name)s`.") % params, _("An empty cell, or another model")


def _formula(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("This is a formula. Only words and numbers are read."), _("The words themselves")


def _excel_error(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("Excel has left an error here (%(value)s).") % params, _("The value itself")


def _broken_letters(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("Letters are damaged (“%(damaged)s”).") % params, _("The table saved as “CSV UTF-8”")


def _too_many_cells(place: Place, params: Mapping[str, Any]) -> Sentences:
    wrong = _("This row has %(cells)s cells, the table has %(columns)s columns.") % params
    return wrong, _("Quotation marks around words with a comma")


def _long_key(place: Place, params: Mapping[str, Any]) -> Sentences:
    wrong = _("The key has %(length)s characters.") % params
    return wrong, _("At most %(limit)s characters") % params


def _odd_key(place: Place, params: Mapping[str, Any]) -> Sentences:
    return _("The key has blanks at its ends, or characters that cannot be seen."), _("The key without them")


def _grouped(value: Any) -> str:
    return str(number_format(value, use_l10n=True, force_grouping=True))


_Writers = dict[str, "Callable[[Place, Mapping[str, Any]], Sentences]"]

_ANYWHERE: _Writers = {
    "broken_letters": _broken_letters,
    "excel_date": values.excel_date,
    "excel_error": _excel_error,
    "excludes": values.excludes,
    "formula": _formula,
    "requires": values.requires,
    "too_many_cells": _too_many_cells,
    "unknown_input": _unknown_input,
    "unknown_model": _unknown_model,
    "unknown_option": _unknown_option,
    "unknown_parameter": _unknown_parameter,
}
_BY_KIND: dict[str, _Writers] = {
    "prompt": {
        "closed_brace": _closed_brace,
        "empty_placeholder": _empty_placeholder,
        "invalid_characters": _odd_characters,
        "max_length": _long_prompt,
        "open_brace": _open_brace,
        "required": _no_prompt,
        "unknown_placeholder": _unknown_placeholder,
    },
    "parameter": values.SENTENCES,
    "input": pictures.SENTENCES,
    "key": {"invalid_characters": _odd_key, "max_length": _long_key},
    "other": {"invalid_characters": _odd_characters},
}
