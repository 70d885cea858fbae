"""The rooms of the package as the import contract has them, and what each says of itself. Needs no Sphinx."""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = "django_wanvideo"


class ContractError(ValueError):
    """The contract and the package do not agree, or a room does not say what it is for."""


@dataclass(frozen=True)
class Room:
    """A folder or a module of the package, by its path inside of the package."""

    path: Path
    root: Path

    @property
    def name(self) -> str:
        """Its dotted name, without the package's."""
        return ".".join(self.path.relative_to(self.root / PACKAGE).with_suffix("").parts)

    @property
    def label(self) -> str:
        """The name as people see it in a list of files."""
        return f"{self.path.name}/" if self.path.is_dir() else self.path.name

    @property
    def source(self) -> Path:
        """The file whose docstring speaks for it."""
        return self.path / "__init__.py" if self.path.is_dir() else self.path

    @property
    def summary(self) -> str:
        """The first paragraph of its docstring.

        Raises:
            ContractError: there is none.
        """
        docstring = ast.get_docstring(ast.parse(self.source.read_text()))
        if not docstring:
            raise ContractError(f"{self.source} has no docstring to say what it is for.")
        return " ".join(docstring.split("\n\n")[0].split())

    @property
    def rooms(self) -> list[Room]:
        """The rooms inside of it."""
        if not self.path.is_dir():
            return []
        return [Room(found.parent, self.root) for found in sorted(self.path.glob("*/__init__.py"))]


def floors(root: Path = ROOT) -> list[list[Room]]:
    """Return the rooms from the top floor down, as ``[tool.importlinter]`` has them; what stands in brackets may be missing.

    Raises:
        ContractError: a room of the contract is not there, or there is no contract of layers for the package.
    """
    contracts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [one["layers"] for one in contracts if one["type"] == "layers" and one.get("containers") == [PACKAGE]]
    if len(layers) != 1:
        raise ContractError(f"pyproject.toml has {len(layers)} contracts of layers for {PACKAGE}, not one.")
    found = [[_room(name.strip(), root) for name in re.split(r"[|:]", layer)] for layer in layers[0]]
    return [present for floor in found if (present := [room for room in floor if room is not None])]


def _room(name: str, root: Path) -> Room | None:
    folder = root / PACKAGE / name.strip("()").strip()
    for path in (folder, folder.with_suffix(".py")):
        if path.exists():
            return Room(path, root)
    if name.startswith("("):
        return None
    raise ContractError(f"pyproject.toml names the layer {name}, which is not there.")


WIDTH = 440
_LEFT, _PAD, _GAP, _BOX, _LETTER = 34, 8, 8, 26, 7.9


def picture(all_floors: list[list[Room]]) -> str:
    """Return an SVG of the floors, in the colour of the text around it, each room a link to ``#room-<name>``."""
    parts: list[str] = []
    top = 2.0
    for floor in all_floors:
        lines = _lines(floor)
        height = len(lines) * (_BOX + _GAP) - _GAP + 2 * _PAD
        parts.append(
            f'<rect class="floor" x="{_LEFT}" y="{top:g}" width="{WIDTH - _LEFT - 2}" height="{height}" rx="8"/>'
        )
        y = top + _PAD
        for line in lines:
            parts.extend(_boxes(line, y))
            y += _BOX + _GAP
        top += height + 6
    bottom = top - 6
    middle = bottom / 2
    arrow = (
        f'<path class="arrow" d="M14 2V{bottom - 2:g}m-5 -7l5 7l5 -7"/>'
        f'<text class="word" transform="translate(20 {middle:g}) rotate(90)">may import</text>'
    )
    return (
        f'<svg class="rooms" viewBox="0 0 {WIDTH} {bottom + 2:g}" role="group" aria-labelledby="rooms-title">'
        f'<title id="rooms-title">The rooms, top floor first; a room imports from the floors below its own.</title>'
        f"<style>{_STYLE}</style>{arrow}{''.join(parts)}</svg>"
    )


_STYLE = (
    ".rooms{display:block;width:100%;max-width:36rem;margin:1rem auto;color:inherit}"
    ".rooms .floor{fill:currentColor;fill-opacity:.06}"
    ".rooms .box{fill:currentColor;fill-opacity:.07;stroke:currentColor;stroke-opacity:.45}"
    ".rooms text{fill:currentColor;text-anchor:middle;font:13px ui-monospace,Menlo,Consolas,monospace}"
    ".rooms .word{font:12px sans-serif;fill-opacity:.8}"
    ".rooms .arrow{fill:none;stroke:currentColor;stroke-opacity:.6;stroke-width:1.5}"
    ".rooms a{text-decoration:none}"
    ".rooms a:hover .box,.rooms a:focus .box{fill-opacity:.25}"
)


def _width(room: Room) -> float:
    return len(room.label) * _LETTER + 16


def _lines(floor: list[Room]) -> list[list[Room]]:
    """Break a floor into as few lines as there must be, of about as many rooms each."""
    room_for = WIDTH - _LEFT - 2 - 2 * _PAD
    for count in range(1, len(floor) + 1):
        size = -(-len(floor) // count)
        lines = [floor[start : start + size] for start in range(0, len(floor), size)]
        if all(sum(map(_width, line)) + _GAP * (len(line) - 1) <= room_for for line in lines):
            return lines
    raise ContractError(f"The name of a room is too long for the picture: {[room.label for room in floor]}.")


def _boxes(line: list[Room], y: float) -> list[str]:
    x = _LEFT + (WIDTH - _LEFT - 2 - sum(map(_width, line)) - _GAP * (len(line) - 1)) / 2
    boxes = []
    for room in line:
        width = _width(room)
        boxes.append(
            f'<a href="#{anchor(room)}"><rect class="box" x="{x:.1f}" y="{y:g}" width="{width:.1f}" height="{_BOX}" rx="5"/>'
            f'<text x="{x + width / 2:.1f}" y="{y + 17:g}">{escape(room.label)}</text></a>'
        )
        x += width + _GAP
    return boxes


def anchor(room: Room) -> str:
    """Return the id of what a page says about a room."""
    return f"room-{re.sub(r'[._]', '-', room.name)}"
