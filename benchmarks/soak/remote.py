"""What the simulator knows, asked through its control endpoints."""

from __future__ import annotations

from typing import Any

import requests

from benchmarks.soak.plan import FAULTS

_READING = ("get", "batch", "list")
#: What each episode answers at which points. A request to make a video is not refused for good in any of them.
EVERYBODY = {
    "402": ("create:402", "get:402"),
    "401": tuple(f"{point}:401" for point in ("create", *_READING, "credits", "models", "upload")),
    "404": tuple(f"{point}:404" for point in _READING),
    # A page in place of an answer, some of them with status 200.
    "maintenance": (
        "create:garbage",
        *(f"{point}:html" for point in (*_READING, "credits", "models", "upload", "result")),
    ),
}


class Remote:
    """The simulator at an address."""

    def __init__(self, url: str, seed: int = 0) -> None:
        self.url = url
        self._seed = seed
        self._episodes = 0
        self._session = requests.Session()
        self._session.trust_env = False

    def faults_fired(self) -> dict[str, int]:
        """How often each ``point:name`` has happened."""
        fired: dict[str, int] = self._get("faults")["fired"]
        return fired

    def no_more_faults(self) -> None:
        """From now on everything works."""
        self._session.delete(f"{self.url}/_simulator/faults", timeout=30).raise_for_status()

    def answer_everybody(self, name: str) -> None:
        """Give everybody one answer, whatever they ask, until ``answer_as_usual``; ``name`` is one of ``EVERYBODY``."""
        for spec in EVERYBODY[name]:
            self._post("faults", {"spec": f"{spec}:always"})

    def answer_as_usual(self) -> None:
        """Go back to faults at random."""
        self.no_more_faults()
        self._episodes += 1
        self._post("faults", {"random": FAULTS, "seed": f"{self._seed}:{self._episodes}"})

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

    def _post(self, path: str, body: dict[str, Any]) -> None:
        self._session.post(f"{self.url}/_simulator/{path}", json=body, timeout=30).raise_for_status()

    def _get(self, path: str) -> Any:
        answer = self._session.get(f"{self.url}/_simulator/{path}", timeout=60)
        answer.raise_for_status()
        return answer.json()
