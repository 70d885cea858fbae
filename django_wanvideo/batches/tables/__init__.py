"""Tables of rows: CSV and Excel, read as people's programs write them, and written so that they read them."""

from __future__ import annotations

from django_wanvideo.batches.tables.reading import Table, read
from django_wanvideo.batches.tables.writing import export, template

__all__ = ["Table", "export", "read", "template"]
