"""The app in sites that differ from the others of these tests, each in a process of its own."""

from __future__ import annotations
