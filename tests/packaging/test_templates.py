"""Templates keep to a strict content security policy: no script, style or handler inside the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import django_wanvideo

PACKAGE = Path(django_wanvideo.__file__).parent
TEMPLATES = sorted((PACKAGE / "templates").rglob("*.html"))

SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*\btype=[\"']application/json[\"'])[^>]*>", re.IGNORECASE)
STYLE = re.compile(r"<style\b|\sstyle\s*=", re.IGNORECASE)
HANDLER = re.compile(r"<[^>]*\son[a-z]+\s*=|javascript:", re.IGNORECASE)


def inline_code(source):
    """Find what a strict policy would refuse."""
    return [match.group() for pattern in (SCRIPT, STYLE, HANDLER) for match in pattern.finditer(source)]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_inline_code_in(path):
    # A mail is no page: the programs that show it have no policy, and many of them no style sheets.
    is_mail = "mail" in path.relative_to(PACKAGE).parts
    source = path.read_text()
    if path.name == "embed.html":
        # Data for search engines on a site's own page, where that asks for it; no policy of ours holds there.
        source = source.replace('<script type="application/ld+json"', '<script type="application/json"', 1)
    assert [code for code in inline_code(source) if not (is_mail and code == " style=")] == []


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_inline_code_in_markup_of(path):
    source = path.read_text()
    if "format_html" in source or "mark_safe" in source:
        assert inline_code(source) == []


@pytest.mark.parametrize(
    "source",
    ["<script>x</script>", '<p style="x">', "<style>p{}</style>", '<a onclick="x">', '<a href="javascript:x">'],
)
def test_inline_code_is_recognised(source):
    assert inline_code(source)


def test_a_script_file_and_inert_data_are_allowed():
    assert inline_code('<script src="x.js"></script><script type="application/json">{}</script>') == []
