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


def needed_by(path, modules):
    """Name the modules of the package that one needs to run, at the top or inside a function."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*path.relative_to(PACKAGE.parent).parts[: -node.level], *filter(None, [node.module])])
            for alias in node.names:
                yield from [name for name in (f"{base}.{alias.name}", base) if name in modules][:1]


def test_no_file_needs_itself():
    modules = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
    }
    graph = {name: set(needed_by(path, modules)) for name, path in modules.items()}
    while ready := [name for name, others in graph.items() if not others & graph.keys()]:
        for name in ready:
            del graph[name]
    assert len(modules) > 200
    assert graph == {}


def test_what_a_module_needs_is_found_wherever_it_is_imported(tmp_path):
    modules = {"django_wanvideo.jobs": Path(), "django_wanvideo.conf": Path()}
    source = tmp_path / "module.py"
    source.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from django_wanvideo import conf\n"
        "def f():\n    from django_wanvideo import jobs\n"
    )
    assert list(needed_by(source, modules)) == ["django_wanvideo.jobs"]


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


ROOMS = sorted({path.parent for path in PACKAGE.rglob("*.py")} - {PACKAGE / "migrations"})


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(PACKAGE)))
def test_a_room_has_at_most_twelve_files_of_at_most_250_lines(room):
    modules = [path for path in room.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= 12
    lengths = {path.name: len(path.read_text().splitlines()) for path in modules}
    assert {name: lines for name, lines in lengths.items() if lines > 250} == {}


def test_only_a_room_itself_shows_names_and_only_its_own():
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        shown = [
            node for node in tree.body if isinstance(node, ast.Assign) and "__all__" in ast.unparse(node.targets[0])
        ]
        if path.name != "__init__.py":
            assert not shown, path
        if shown is None:
            continue
        room = ".".join(path.parent.relative_to(PACKAGE.parent).parts)
        strangers = [
            node.module
            for node in tree.body
            if isinstance(node, ast.ImportFrom)
            and not node.level
            and node.module.startswith("django_wanvideo")
            and not node.module.startswith(room)
            and any(f'"{alias.asname or alias.name}"' in ast.unparse(shown).replace("'", '"') for alias in node.names)
        ]
        assert strangers == [], f"{path} hands on what is not its own"
