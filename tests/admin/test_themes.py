"""The pages in Unfold and in Jazzmin, where these are installed (``tox -e themes``)."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run_in_theme(theme, file):
    """Run the tests of a file in a process whose settings hold the theme."""
    if find_spec(theme) is None:
        pytest.skip(f"django-{theme} is not installed; tox -e themes installs it.")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("WANVIDEO_TEST_", "PYTEST_"))}
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", file, "--ds=tests.admin.theme_settings", "-q",
            "-o", "filterwarnings=default", "-p", "no:cacheprovider",
        ],
        cwd=ROOT,
        env={**inherited, "WANVIDEO_TEST_THEME": theme},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


@pytest.mark.parametrize("theme", ["unfold", "jazzmin"])
def test_every_page_keeps_its_parts_in_the_theme(theme):
    run_in_theme(theme, "tests/admin/theme_pages.py")


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["unfold", "jazzmin"])
def test_the_pages_work_in_the_theme_on_a_screen(theme):
    run_in_theme(theme, "tests/browser/theme_looks.py")
