"""Two directives that draw and list the rooms of the package from its import contract and its docstrings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import contract
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class RoomsPicture(SphinxDirective):
    """The floors, drawn into the page, so that the picture takes its colours from light or dark."""

    def run(self) -> list[nodes.Node]:
        """Return the SVG; builders of other formats leave it out."""
        self.env.note_dependency(str(contract.ROOT / "pyproject.toml"))
        return [nodes.raw("", contract.picture(contract.floors()), format="html")]


class RoomsList(SphinxDirective):
    """One line about each room, and about each room in it."""

    def run(self) -> list[nodes.Node]:
        """Return the rooms as a list of definitions, top floor first."""
        rows = nodes.definition_list()
        for room in [room for floor in contract.floors() for room in floor]:
            self.env.note_dependency(str(room.source))
            words = nodes.definition("", nodes.paragraph("", "", *_inline(room.summary)))
            inner = nodes.bullet_list()
            for part in room.rooms:
                self.env.note_dependency(str(part.source))
                line = nodes.paragraph("", "", nodes.literal("", part.label), nodes.Text(" "), *_inline(part.summary))
                inner += nodes.list_item("", line)
            if inner.children:
                words += inner
            term = nodes.term("", "", nodes.literal("", room.label), ids=[contract.anchor(room)])
            rows += nodes.definition_list_item("", term, words)
        return [rows]


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
