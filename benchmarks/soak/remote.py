"""What the simulator knows, asked through its control endpoints."""

from __future__ import annotations

from typing import Any

import requests


class Remote:
    """The simulator at an address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def faults_fired(self) -> dict[str, int]:
        """How often each ``point:name`` has happened."""
        fired: dict[str, int] = self._get("faults")["fired"]
        return fired

    def no_more_faults(self) -> None:
        """From now on everything works."""
        self._session.delete(f"{self.url}/_simulator/faults", timeout=30).raise_for_status()

    def ledger(self) -> list[dict[str, Any]]:
        """Every accepted generation."""
        entries: list[dict[str, Any]] = self._get("ledger")["entries"]
        return entries

    def tasks(self) -> dict[str, dict[str, Any]]:
        """Every task by its id, as EvoLink would tell it."""
        return {task["id"]: task for task in self._get("tasks")["tasks"]}

    def posts(self) -> int:
        """Creation requests that arrived, whatever became of them."""
        return int(self._get("journal?limit=1")["counts"].get("create", 0))

    def download(self, url: str) -> bytes:
        """The file behind a result link."""
        answer = self._session.get(url, timeout=30)
        answer.raise_for_status()
        return answer.content

    def _get(self, path: str) -> Any:
        answer = self._session.get(f"{self.url}/_simulator/{path}", timeout=60)
        answer.raise_for_status()
        return answer.json()
