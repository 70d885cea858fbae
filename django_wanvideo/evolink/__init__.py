"""EvoLink's HTTP API: the client, and what its answers and errors mean. Knows no models."""

from __future__ import annotations
