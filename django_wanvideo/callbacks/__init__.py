"""Where EvoLink calls back."""

from __future__ import annotations
