"""Errors that host projects may meet. Errors of EvoLink's API live in ``evolink.errors``."""

from __future__ import annotations


class WanVideoError(Exception):
    """Base of everything that this app raises on purpose."""


class NotPossible(WanVideoError):  # noqa: N818 - reads as a sentence: except NotPossible
    """The task's present status does not allow what was asked. The message says why and what to do."""


class ConfigurationError(WanVideoError):
    """A setting that this step needs is missing or wrong. The message names the setting."""
