"""EvoLink's HTTP API: the client, what its answers and errors mean, and guarded downloads. Knows no models."""

from __future__ import annotations
