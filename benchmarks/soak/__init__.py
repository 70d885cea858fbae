"""Charge once, lose nothing, tell once, while everything dies at random: ``python -m benchmarks.soak``."""

from __future__ import annotations
