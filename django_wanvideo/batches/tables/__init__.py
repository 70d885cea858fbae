"""Tables of rows: CSV and Excel, read as people's programs write them, and written so that they read them."""

from __future__ import annotations

from django_wanvideo.batches.tables.reading import Rows, Table, read
from django_wanvideo.batches.tables.writing import export, template

__all__ = ["Rows", "Table", "export", "read", "template"]
