"""What EvoLink knows and does behind its HTTP: accounts, tasks, money, callbacks."""

from __future__ import annotations
