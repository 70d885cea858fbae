"""Turn an image and a prompt into a stored video, charged once and never lost."""

from __future__ import annotations

__version__ = "0.1.0"
