"""EvoLink's HTTP, on Werkzeug: the server, the endpoints, and the faults of answers."""

from __future__ import annotations
