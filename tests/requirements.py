"""What a machine needs for some of the tests."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """Skip the present test for want of something; where a change is judged, that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"With CI=true nothing is skipped for want of something: {reason}", pytrace=False)
    pytest.skip(reason)
