"""Secrets on their way through frames: what reports of errors show of them is nothing.

A job's time limit or a signal may hit anywhere in a call, and reports (Django's mails, Sentry) show ``repr`` of every
local variable of every frame. So a secret is text that does not show itself, and below the client only its stand-in is
handled; the connection puts the secret in when the bytes are given to the socket.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from django_wanvideo.http.text import Secret

_PROCESS = secrets.token_bytes(32)


class HiddenText(str):
    """Text like any other, except that its ``repr`` does not show it. What is cut out of it or joined with it does."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class HiddenBytes(bytes):
    """Bytes like any others, except that their ``repr`` does not show them."""

    def __repr__(self) -> str:
        return "b'***'"


class StandIns:
    """What stands in for secrets in a request until it is given to the socket."""

    def __init__(self) -> None:
        self._secrets: dict[bytes, Secret] = {}

    def __repr__(self) -> str:
        return f"<StandIns for {len(self._secrets)}>"

    def of(self, secret: HiddenText) -> str:
        """Return random letters of the same length, which nobody can have written into a request."""
        return self._add(secret, secrets.token_hex(max(8, len(secret))))

    def steady(self, secret: HiddenText) -> str:
        """Return letters that look random; in this process the same ones for the same secret, each time it is sent."""
        return self._add(secret, hashlib.shake_256(_PROCESS + secret.encode()).hexdigest(max(8, len(secret))))

    def _add(self, secret: HiddenText, letters: str) -> str:
        stand_in = letters[: max(16, len(secret))]
        self._secrets[stand_in.encode()] = Secret(secret)
        return stand_in

    def replaced(self, data: Any) -> Any:
        """Return bytes with the secrets in their places; anything else as it is."""
        if isinstance(data, bytes):
            for stand_in, secret in self._secrets.items():
                if stand_in in data:
                    data = HiddenBytes(data.replace(stand_in, secret.get().encode()))
        return data
