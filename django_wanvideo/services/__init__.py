"""The only writers: what may happen to a task, one room for each stage of its life."""

from __future__ import annotations
