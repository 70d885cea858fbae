"""A URLconf that cannot be loaded."""

from __future__ import annotations

raise RuntimeError("the site's own code")
