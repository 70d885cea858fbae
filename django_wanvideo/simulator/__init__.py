"""A stateful EvoLink on this machine: real HTTP, real MP4 files, a ledger, and faults on demand.

It is written from EvoLink's documentation and shares no code with the rest of the package: client and simulator meet
only on the wire. Neither Werkzeug is loaded until one is made, nor Pillow or PyAV until a picture or video is asked for.
"""

from __future__ import annotations

from .clock import Clock, SystemClock, VirtualClock
from .journal import Journal, JournalEntry
from .options import DEFAULT_API_KEY, Options
from .provider.faults import Fault, FaultRegistry
from .provider.ledger import Ledger, LedgerEntry
from .provider.tasks import Task
from .script import Progression
from .simulator import Simulator

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
