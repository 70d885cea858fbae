"""A stateful EvoLink on this machine: real HTTP, real MP4 files, a ledger, and faults on demand.

It is written from EvoLink's documentation and shares no code with the rest of the package: client and simulator meet
only on the wire. Nothing is drawn, and neither Pillow nor PyAV is loaded, until a picture or a video is asked for.
"""

from __future__ import annotations

from .clock import Clock, SystemClock, VirtualClock
from .core import Simulator
from .faults import Fault, FaultRegistry
from .journal import Journal, JournalEntry
from .ledger import Ledger, LedgerEntry
from .options import DEFAULT_API_KEY, Options
from .progression import Progression
from .tasks import Task

__all__ = [
    "DEFAULT_API_KEY",
    "Clock",
    "Fault",
    "FaultRegistry",
    "Journal",
    "JournalEntry",
    "Ledger",
    "LedgerEntry",
    "Options",
    "Progression",
    "Simulator",
    "SystemClock",
    "Task",
    "VirtualClock",
]
