"""Cells of a table: what is in them beside words and numbers, and the guard that keeps programs from running them."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

#: What programs take for the beginning of a formula.
_GUARDED = re.compile("'*[=+\\-@\t\r\n]")
_IS_GUARDED = re.compile("'+[=+\\-@\t\r\n]")
#: What Excel leaves where it has no value, in English and where it is translated.
_ERRORS = frozenset(
    {
        "#N/A",
        "#NV",
        "#REF!",
        "#BEZUG!",
        "#VALUE!",
        "#WERT!",
        "#DIV/0!",
        "#NAME?",
        "#NULL!",
        "#NUM!",
        "#ZAHL!",
        "#SPILL!",
    }
)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_MEANT = re.compile("[\u0080-\u00ff\u2010-\u2122]+")
#: Right behind a capital letter these end a word in quotation marks, and are no part of a misread letter.
_QUOTES = "“”\u2018’«»"
_LOST = "\N{REPLACEMENT CHARACTER}"


class OddCell(str):
    """A cell with something that is no word and no number, as people see it; ``error`` says what it is."""

    __slots__ = ("error",)

    error: ValidationError

    @classmethod
    def formula(cls, text: str) -> OddCell:
        """Return a cell that is calculated, which is not done here."""
        message = _("This is a formula. Only words and numbers are read.")
        return cls._of(text, ValidationError(message, code="formula"))

    @classmethod
    def date(cls, text: str) -> OddCell:
        """Return a cell that has become a date."""
        message = _("Excel has turned the number into a date.")
        return cls._of(text, ValidationError(message, code="excel_date"))

    @classmethod
    def _of(cls, text: str, error: ValidationError) -> OddCell:
        cell = cls(text)
        cell.error = error
        return cell


def guard(text: str) -> str:
    """Return a text that no program runs as a formula; ``unguard`` gives the text back, whatever it is."""
    return f"'{text}" if _GUARDED.match(text) else text


def unguard(text: str) -> str:
    """Return the text that ``guard`` was given."""
    return text[1:] if _IS_GUARDED.match(text) else text


def problem_of(cell: str) -> ValidationError | None:
    """Return what is wrong with a cell whatever it is for, or ``None``."""
    if isinstance(cell, OddCell):
        return cell.error
    if cell.startswith("#") and cell.strip().upper() in _ERRORS:
        return ValidationError(_("Excel has left an error here."), code="excel_error", params={"value": cell.strip()})
    if not cell.isascii() and (damaged := _damaged(cell)):
        message = _("Letters are damaged (“%(damaged)s”).")
        return ValidationError(message, code="broken_letters", params={"damaged": damaged})
    return None


def _damaged(text: str) -> str:
    """Return the word in which UTF-8 was read as something else, or something else as UTF-8; empty where none was."""
    for run in _NOT_ASCII.finditer(text):
        is_quote = text[max(run.start() - 1, 0)].isupper() and run[0][-1] in _QUOTES
        if _LOST in run[0] or (_is_misread(run[0]) and not is_quote):
            start = text.rfind(" ", 0, run.start()) + 1
            return text[start:].split()[0][:30]
    return ""


def _is_misread(run: str) -> bool:
    """Tell whether some letters are the bytes of others: of western letters and of signs, as Ã¼ is of ü."""
    for encoding in ("cp1252", "latin-1"):
        try:
            return _MEANT.fullmatch(run.encode(encoding).decode()) is not None
        except UnicodeError:
            continue
    return False
