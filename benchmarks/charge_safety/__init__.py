"""How many POSTs one "create" call makes when its answer goes wrong: ``python -m benchmarks.charge_safety``."""

from __future__ import annotations
