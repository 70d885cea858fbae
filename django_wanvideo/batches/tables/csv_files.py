"""CSV as programs write it: with or without a byte order mark, with commas, semicolons or tabs."""

from __future__ import annotations

import csv
import io
import itertools
import re
from typing import IO, TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from django_wanvideo.batches.tables.cells import OddCell, guard, unguard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

DELIMITERS = ",;\t"
_NO_DELIMITER = "\x1f"
#: Characters of a file that are looked at for its delimiter.
_BEGINNING = 64 * 1024
#: Excel's own way to name the delimiter, in a line before all others.
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*')
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
#: Nothing that is read has it: NUL is replaced first.
_END = "\x00"


def records(content: IO[bytes], score: Callable[[Sequence[str]], int]) -> Iterator[list[str]]:
    """Yield the cells of each line, of the header too; an empty line is an empty list.

    Args:
        score: how many names of columns that are known some cells have.

    Raises:
        ValidationError: from some line on it cannot be read.
    """
    encoding = encoding_of(content)
    content.seek(0)
    text = io.TextIOWrapper(io.BufferedReader(_KeptOpen(content)), encoding=encoding, errors="replace", newline="")
    beginning = text.read(_BEGINNING)
    separator = _SEPARATOR_LINE.fullmatch(beginning.splitlines()[0]) if beginning else None
    delimiter = separator[1] if separator else _delimiter(beginning, score)
    text.seek(0)
    lines: Iterator[str] = (line.replace("\x00", "\N{REPLACEMENT CHARACTER}") for line in text)
    if separator:
        next(lines)
    number = 1
    try:
        # A quotation mark that is never closed takes the end along.
        for cells in csv.reader(itertools.chain(lines, [_END]), delimiter=delimiter):
            if cells and cells[-1].endswith(_END):
                if cells != [_END]:
                    raise csv.Error
                return
            yield [_cell(text) for text in cells]
            number += 1
    except csv.Error:
        message = _("The table cannot be read from line %(line)s on: a quotation mark is opened there and not closed.")
        raise ValidationError(message, code="unreadable_table", params={"line": number}) from None


def encoding_of(content: IO[bytes]) -> str:
    """Return the encoding of a text by its first bytes; UTF-8 where they say nothing."""
    content.seek(0)
    first = content.read(4)
    return next((encoding for mark, encoding in _BOMS if first.startswith(mark)), "utf-8")


def write(rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Yield CSV that Excel opens with a double click: UTF-8 with a byte order mark, commas, guarded cells."""
    line = io.StringIO(newline="")
    writer = csv.writer(line)
    line.write("\ufeff")
    for row in rows:
        writer.writerow([guard("" if value is None else str(value)) for value in row])
        yield line.getvalue().encode("utf-8", "replace")
        line.seek(0)
        line.truncate()


def _cell(text: str) -> str:
    return OddCell.formula(text) if text.startswith("=") else unguard(text)


def _delimiter(beginning: str, score: Callable[[Sequence[str]], int]) -> str:
    """Return the delimiter by which the first line has most names that are known, then most cells."""

    def header(delimiter: str) -> list[str]:
        lines = csv.reader(io.StringIO(beginning, newline=""), delimiter=delimiter)
        try:
            return next((cells for cells in lines if any(map(str.strip, cells))), [])
        except csv.Error:
            return []

    found = {delimiter: header(delimiter) for delimiter in DELIMITERS}
    if all(len(cells) < 2 for cells in found.values()):
        # One column, whose words may have any of them.
        return _NO_DELIMITER
    return max(found, key=lambda delimiter: (score(found[delimiter]), len(found[delimiter])))


class _KeptOpen(io.RawIOBase):
    """Bytes that are read on, and not closed when their text is."""

    def __init__(self, content: IO[bytes]) -> None:
        super().__init__()
        self._content = content

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._content.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._content.seek(offset, whence)

    def tell(self) -> int:
        return self._content.tell()
