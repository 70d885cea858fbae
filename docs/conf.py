"""How the documentation is built: ``sphinx-build -W docs docs/_build/html``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

project = "django-wanvideo"
copyright = "the django-wanvideo contributors"  # noqa: A001 - Sphinx's name
_found = re.search(r'__version__ = "(.+?)"', (ROOT / "django_wanvideo" / "__init__.py").read_text())
if _found is None:
    raise RuntimeError("django_wanvideo/__init__.py names no version.")
version = release = _found[1]

sys.path.insert(0, str(ROOT / "docs" / "_ext"))
extensions = ["myst_parser", "rooms"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True
html_theme = "furo"
html_title = f"django-wanvideo {version}"
html_show_copyright = False
