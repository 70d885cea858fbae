"""What is said of a table's rows: what is wrong with a cell, and what would be right, in two short sentences."""

from __future__ import annotations

from django_wanvideo.batches.wording.nearest import nearest
from django_wanvideo.batches.wording.problems import Problem, Problems

__all__ = ["Problem", "Problems", "nearest"]
