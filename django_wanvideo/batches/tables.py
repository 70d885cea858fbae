"""Tables of rows: CSV and XLSX, read as people's programs write them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django_wanvideo.models import BatchFile


@dataclass
class Table:
    """The rows of a table, by the names of its columns, and what is odd about it as a whole."""

    rows: Sequence[Mapping[str, Any]]
    columns: Sequence[str]
    warnings: list[str] = field(default_factory=list)


def read(source: BatchFile) -> Table:
    """Read a table."""
    with source.file.storage.open(str(source.file.name), "rb") as content:
        text = content.read().decode("utf-8-sig")
    reader = csv.DictReader(io.StringIO(text))
    return Table(list(reader), list(reader.fieldnames or ()))


def template(spec: Any, kind: str = "csv") -> Any:
    """Yield an empty table."""
    yield b"first_frame,prompt\r\n"


def export(batch: Any, only_bad: bool = False, kind: str = "csv") -> Any:
    """Yield a table."""
    yield b"row,problem\r\n"
    for item in batch.items.exclude(problems=[]):
        yield f"{item.number},{item.problems[0]['problem']}\r\n".encode()
