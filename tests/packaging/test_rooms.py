"""What the import contract cannot see: parts of Django, and imports of other packages' parts."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import django_wanvideo

PACKAGE = Path(django_wanvideo.__file__).parent


def imported_by(source):
    """Name every module that some source imports, at the top or inside a function."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", ["catalog", "evolink"])
def test_catalogue_and_client_know_no_database(room):
    modules = sorted((PACKAGE / room).rglob("*.py"))
    assert modules
    guilty = {
        str(path): name for path in modules for name in imported_by(path.read_text()) if name.startswith("django.db")
    }
    assert guilty == {}


def test_the_simulator_knows_neither_django_nor_an_http_client():
    strange = ("django", "django_wanvideo", "requests", "rest_framework", "rq", "redis")
    modules = sorted((PACKAGE / "simulator").rglob("*.py"))
    assert modules
    found = {(path.name, name) for path in modules for name in imported_by(path.read_text())}
    foreign = {pair for pair in found if not pair[1].startswith("django_wanvideo.simulator.")}
    assert {pair for pair in foreign if pair[1].split(".")[0] in strange} == set()


def test_an_import_inside_a_function_is_seen():
    assert list(imported_by("def f():\n    from django.db import models")) == ["django.db.models"]
