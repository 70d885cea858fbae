"""Downloads of results: bounded in size, time and memory, and only from public addresses. Knows nothing of EvoLink."""

from __future__ import annotations

from django_wanvideo.downloads.download import Downloaded, fetch
from django_wanvideo.downloads.urls import DownloadError

__all__ = ["DownloadError", "Downloaded", "fetch"]
