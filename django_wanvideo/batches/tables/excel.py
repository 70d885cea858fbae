"""Tables of Excel, where the extra ``tables`` is installed."""

from __future__ import annotations

import datetime as dt
import re
import tempfile
import warnings
from typing import IO, TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from django_wanvideo.batches import archives
from django_wanvideo.batches.tables.cells import OddCell, guard, unguard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LIMITS = archives.Limits(entries=1000, total=50 * archives.MEGABYTE, ratio=200)
#: What XML cannot have in it.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
#: Characters that a cell of Excel can have.
_LONGEST = 32_767
#: Empty rows after which no more are looked for: people format whole columns.
_MOST_EMPTY = 10_000
_CHUNK = 64 * 1024
#: Whole numbers beyond are not exact in a spreadsheet.
_LARGEST = 10**15


def is_installed() -> bool:
    """Tell whether tables of Excel can be read and written here."""
    try:
        import defusedxml  # noqa: F401 - without it openpyxl would read XML that expands without end
        import openpyxl  # noqa: F401 - asked for, not used
    except ImportError:
        return False
    return True


def check_installed() -> None:
    """Raise ValidationError, with what to do, where Excel cannot be read here."""
    if not is_installed():
        message = _(
            "This site does not read Excel files. Save the table as “CSV UTF-8”, or have the site’s developers install "
            "django-wanvideo[tables]."
        )
        raise ValidationError(message, code="not_installed")


def records(content: IO[bytes], columns: int) -> Iterator[list[str]]:
    """Yield the cells of each row of the first sheet that is seen; ``columns`` is how many are read.

    Raises:
        ValidationError: it cannot be read here, or is none.
    """
    check_installed()
    _check_size(content)
    with warnings.catch_warnings():
        # openpyxl remarks on what it leaves out, such as rules of validation.
        warnings.simplefilter("ignore")
        yield from _rows(content, columns)


def _check_size(content: IO[bytes]) -> None:
    """Unpack all of it once, and only count: what it says of its sizes is not believed."""
    try:
        with archives.opened(content, LIMITS) as archive:
            budget = archives.Budget(LIMITS, content.seek(0, 2))
            for info in archive.infolist():
                with archive.open(info) as packed:
                    while chunk := packed.read(_CHUNK):
                        budget.spend(len(chunk))
    except (ValidationError, *archives.BROKEN) as error:
        reason = (getattr(error, "params", None) or {}).get("reason", _("it is damaged, or its end is missing"))
        message = _("The Excel file was not opened: %(reason)s.")
        raise ValidationError(message, code="archive", params={"reason": reason}) from error
    content.seek(0)


def _rows(content: IO[bytes], columns: int) -> Iterator[list[str]]:
    import openpyxl

    book = openpyxl.load_workbook(content, read_only=True, data_only=False, keep_links=False)
    try:
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"] or book.worksheets
        # Programs write down sizes of sheets that are not true.
        sheets[0].reset_dimensions()
        empty = 0
        for row in sheets[0].iter_rows(max_col=columns):
            cells = [_cell(cell) for cell in row]
            empty = 0 if any(cells) else empty + 1
            if empty > _MOST_EMPTY:
                return
            yield cells
    finally:
        book.close()


def write(rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Yield a table of Excel, guarded as CSV is: it may be saved as that. All cells are texts."""
    check_installed()
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        cells = []
        for value in row:
            text = _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", guard("" if value is None else str(value)))
            cell = WriteOnlyCell(sheet, value=text[:_LONGEST])
            # A text stays one, whatever it begins with.
            cell.data_type = "s"
            cell.number_format = "@"
            cells.append(cell)
        sheet.append(cells)
    with tempfile.TemporaryFile() as written:
        book.save(written)
        written.seek(0)
        while chunk := written.read(_CHUNK):
            yield chunk


def _cell(cell: Any) -> str:
    """Return a cell as the text that a table of text would have."""
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        return OddCell.formula(str(getattr(value, "text", None) or value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST:
        return str(int(value))
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        value = value.date()
    if isinstance(value, (dt.date, dt.time, dt.timedelta)):
        return OddCell.date(str(value))
    return unguard(str(value))
