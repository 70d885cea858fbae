"""An app with a user model of its own."""

from __future__ import annotations
