"""Two directives that draw and list the rooms of the package from its import contract and its docstrings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import contract
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from pathlib import Path

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment


class RoomsPicture(SphinxDirective):
    """The floors, drawn into the page, so that the picture takes its colours from light or dark."""

    def run(self) -> list[nodes.Node]:
        """Return the SVG; builders of other formats leave it out."""
        _depend(self.env, contract.ROOT / "pyproject.toml")
        return [nodes.raw("", contract.picture(contract.floors()), format="html")]


class RoomsList(SphinxDirective):
    """One line about each room, and about each room in it."""

    def run(self) -> list[nodes.Node]:
        """Return the rooms as a list, top floor first."""
        _depend(self.env, contract.ROOT / "pyproject.toml")
        return [self._listed([room for floor in contract.floors() for room in floor])]

    def _listed(self, rooms: list[contract.Room]) -> nodes.bullet_list:
        found = nodes.bullet_list()
        for room in rooms:
            _depend(self.env, room.source)
            words = [nodes.literal("", room.label), nodes.Text(" "), *_inline(room.summary)]
            item = nodes.list_item("", nodes.paragraph("", "", *words), ids=[contract.anchor(room)])
            if room.rooms:
                item += self._listed(room.rooms)
            found += item
        return found


def _depend(env: BuildEnvironment, source: Path) -> None:
    """Have the page built anew when what it is made of, or what makes it, changes."""
    for path in (source, __file__, contract.__file__):
        env.note_dependency(str(path))


def _inline(text: str) -> list[nodes.Node]:
    """Turn what stands between double backticks into code."""
    return [
        nodes.literal("", part) if number % 2 else nodes.Text(part)
        for number, part in enumerate(text.split("``"))
        if part
    ]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register both."""
    app.add_directive("rooms-picture", RoomsPicture)
    app.add_directive("rooms-list", RoomsList)
    return {"parallel_read_safe": True}
