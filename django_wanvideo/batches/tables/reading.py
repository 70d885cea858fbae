"""A table, read row by row as often as it is asked for, whatever program has written it."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from django_wanvideo.batches.given import GivenRow
from django_wanvideo.batches.tables import cells, columns, csv_files, excel
from django_wanvideo.catalog.images import errors, files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from django_wanvideo.models import Batch, BatchFile

MAX_ROWS = 5000
#: Rows that are counted, to say how many are too many.
_MOST_COUNTED = 50_000
#: Bytes.
MAX_BYTES = 20_000_000
_SPOOLED = 1_000_000
_BEGINNING = 64 * 1024
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"


@dataclass
class Table:
    """The rows of a table, by the names of its columns, and what is odd about it as a whole.

    Rows count from 1 below the names of the columns, empty ones included, so that they are found again in any program.
    """

    columns: Sequence[str]
    #: Rows that are not empty.
    count: int
    #: The file's own name, and the checksum of what is in it.
    name: str
    sha256: str
    warnings: list[str]
    _content: IO[bytes] = field(repr=False)

    def note(self, batch: Batch) -> None:
        """Note at a batch, which is not saved, what it was made from."""
        batch.source_name, batch.source_sha256 = self.name, self.sha256
        batch.settings |= {"columns": list(self.columns)}

    @property
    def rows(self) -> Rows:
        """The rows, read anew each time that they are asked for."""
        return Rows(self)


@dataclass(frozen=True)
class Rows:
    """The rows of a table; one loop over them at a time."""

    table: Table

    def __iter__(self) -> Iterator[GivenRow]:
        content = self.table._content  # noqa: SLF001 - the other half of the same thing
        unused = columns.unused(self.table.columns)
        number, width = 0, 0
        for record in _records(content):
            if not width:
                width = len(record)
                continue
            number += 1
            if record:
                yield _row(number, self.table.columns, record, width, unused)

    def __len__(self) -> int:
        return self.table.count


def read(source: BatchFile | Path, *, asked: Collection[str] = ()) -> Table:
    """Read the names of a table's columns, and count its rows.

    Args:
        source: a file of a batch, or a path: CSV in UTF-8 or UTF-16 with commas, semicolons or tabs, or Excel (.xlsx).
        asked: names that the prompt for all uses.

    Raises:
        ValidationError: it is no table that can be read, or a too large one.
    """
    content, sha256 = _taken(source)
    _check_kind(content)
    names: list[str] = []
    count = 0
    for record in _records(content):
        if not record:
            continue
        if not names:
            names = columns.names_of(record)
            continue
        count += 1
        if count > _MOST_COUNTED:
            break
    if not count:
        message = _("The table has no rows below the names of its columns.")
        raise ValidationError(message, code="no_rows")
    if count > MAX_ROWS:
        shown = {"count": _number(min(count, _MOST_COUNTED)), "limit": _number(MAX_ROWS)}
        message = _("The table has %(count)s rows; %(limit)s can be given at once. Give it in parts.")
        if count > _MOST_COUNTED:
            message = _("The table has more than %(count)s rows; %(limit)s can be given at once. Give it in parts.")
        elif count <= 2 * MAX_ROWS:
            message = _("The table has %(count)s rows; %(limit)s can be given at once. Give it in two parts.")
        raise ValidationError(message, code="too_many_rows", params=shown)
    name = source.name if isinstance(source, Path) else source.name.rpartition("/")[2]
    return Table(names, count, name, sha256, columns.warnings(names, asked), content)


def _row(number: int, names: Sequence[str], record: Sequence[str], width: int, unused: frozenset[str]) -> GivenRow:
    row = GivenRow({name: "" for name in names if name}, number=number, unused=unused)
    if len(record) > width:
        message = _("This row has %(cells)s cells, the table has %(columns)s columns.")
        params = {"cells": len(record), "columns": width}
        row.problems.append(("", ValidationError(message, code="too_many_cells", params=params)))
    for name, cell in zip(names, record, strict=False):
        if not name:
            continue
        row[name] = str(cell)
        error = cells.problem_of(cell)
        if error is not None and not (error.code == "excel_date" and columns.is_free(name)):
            row.problems.append((name, error))
    return row


def _records(content: IO[bytes]) -> Iterator[list[str]]:
    """Yield the cells of each row up to the last that is not blank."""
    content.seek(0)
    is_excel = content.read(len(_ZIP)) == _ZIP
    content.seek(0)
    if not is_excel:
        yield from map(_without_blank_end, csv_files.records(content, columns.score))
        return
    try:
        yield from map(_without_blank_end, excel.records(content, columns.MOST + len(columns.OF_TASKS) + 1))
    except (ValidationError, MemoryError):
        raise
    except Exception as error:
        # A damaged file makes openpyxl, and the XML below it, raise anything.
        raise _no_table() from error


def _without_blank_end(record: list[str]) -> list[str]:
    while record and not record[-1].strip():
        record.pop()
    return record


def _check_kind(content: IO[bytes]) -> None:
    """Raise ValidationError for what is neither text nor a ZIP file, as Excel's tables are."""
    content.seek(0)
    beginning = content.read(_BEGINNING)
    if beginning.startswith(_OLD_EXCEL):
        message = _("Excel’s old format (.xls) is not read; save it as .xlsx.")
        raise ValidationError(message, code="old_excel")
    if beginning.startswith(_ZIP):
        return
    is_text = csv_files.encoding_of(content) == "utf-16" or b"\0" not in beginning
    if not is_text or files.kind_of(beginning[:64]) or beginning.lstrip()[:1] == b"<":
        raise _no_table()


def _taken(source: BatchFile | Path) -> tuple[IO[bytes], str]:
    """Return a table's bytes as a file of this process, and their checksum; large ones are on disk."""
    digest, size = hashlib.sha256(), 0
    content: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOLED)  # noqa: SIM115 - it lives as long as its table
    with _opened(source) as stored:
        while chunk := stored.read(_SPOOLED):
            size += len(chunk)
            if size > MAX_BYTES:
                message = _("The table has more than %(limit)s. Give it in parts.")
                raise ValidationError(message, code="max_bytes", params={"limit": errors.megabytes(MAX_BYTES)})
            digest.update(chunk)
            content.write(chunk)
    return content, digest.hexdigest()


def _opened(source: BatchFile | Path) -> Any:
    if isinstance(source, Path):
        try:
            return source.open("rb")
        except OSError as error:
            message = _("The table %(path)s cannot be read: %(reason)s.")
            params = {"path": str(source), "reason": error.strerror or type(error).__name__}
            raise ValidationError(message, code="unreadable", params=params) from error
    return source.file.storage.open(str(source.file.name), "rb")


def _no_table() -> ValidationError:
    message = _("This file is not a table: CSV or Excel (.xlsx) is needed.")
    return ValidationError(message, code="no_table")


def _number(value: int) -> str:
    return str(number_format(value, use_l10n=True, force_grouping=True))
