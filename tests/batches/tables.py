"""Tables for tests, as people's programs write them."""

from __future__ import annotations

import io

from django.core.files.base import ContentFile

from django_wanvideo.batches import files, tables
from django_wanvideo.models import Batch


def batch_of(content, *, name="shop.csv", media=(), **settings):
    """Return a batch whose table has this content, before its check; ``media`` are open files by name."""
    batch = Batch.objects.create(name="Spring", settings={"way": "table", **settings})
    data = content.encode() if isinstance(content, str) else content
    table = files.add(batch, name, ContentFile(data))
    for given, file in dict(media).items():
        files.add(batch, given, file)
    names = {"media_name": "shop.zip"} if media else {}
    batch.settings |= {"table": table.pk, **names}
    batch.save()
    return batch


def table_of(content, tmp_path, **options):
    """Read some bytes or text as a table."""
    path = tmp_path / "table"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return tables.read(path, **options)


def workbook(*rows, edit=None):
    """Return a table of Excel with some rows; ``edit`` may change the sheet."""
    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    if edit is not None:
        edit(book.active)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
