"""axe-core, fetched with npm when it is needed and kept outside the project."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.requirements import missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Page

    from tests.browser.person import Person

PACKAGE = "axe-core@4"
CACHE = Path(tempfile.gettempdir()) / "django-wanvideo-axe-core"
#: Rules of WCAG 2.2 at the levels A and AA, and axe's own best practices.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: The rules that colours decide.
COLOURS = ["color-contrast", "link-in-text-block"]


def script() -> str:
    """Return axe-core's source; skips the test when it is neither cached nor to be had from npm."""
    found = CACHE / "axe.min.js"
    if not found.exists():
        npm = shutil.which("npm")
        if npm is None:
            missing("axe-core comes from npm, and there is no npm here.")
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            command = [npm, "install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]
            try:
                subprocess.run([*command, PACKAGE], check=True, capture_output=True, timeout=120)
            except (subprocess.SubprocessError, OSError) as error:
                missing(f"axe-core could not be fetched with npm: {error}")
            # In one step: other workers may fetch it at the same moment.
            (Path(folder) / "node_modules" / "axe-core" / "axe.min.js").replace(found)
    return found.read_text()


def problems(
    page: Page, source: str = "", *, only: Sequence[str] | None = None, without: Sequence[str] = ()
) -> list[str]:
    """Return what axe finds serious or critical on a page, with the elements concerned, by all rules or ``only`` by some.

    Without ``source`` the page has been looked at before.
    """
    # The devtools protocol evaluates it, so that the page's own policy stays as strict as it is.
    if source:
        page.evaluate(source)
    result: dict[str, Any] = page.evaluate(
        "options => axe.run(document, {...options, resultTypes: ['violations'], preload: false})",
        {
            "runOnly": {"type": "rule", "values": list(only)} if only else {"type": "tag", "values": TAGS},
            "rules": {name: {"enabled": False} for name in without},
        },
    )
    return [
        f"{violation['impact']} {violation['id']}: {violation['help']}\n    "
        + "\n    ".join(f"{node['target']} {node['html'][:160]} {_why(node)}" for node in violation["nodes"][:4])
        for violation in result["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]


def look_at(person: Person, source: str) -> list[str]:
    """Return what is wrong with the page that somebody has open: wider than the screen, or what axe minds.

    Colours are the same on a phone; at a desk they are looked at in the light and in the dark.
    """
    wider = person.is_wider_than_screen()
    found = [f"wider than the screen by {wider} pixels"] if wider else []
    if person.has_phone:
        return found + problems(person.page, source, without=COLOURS)
    found += problems(person.page, source)
    person.darken()
    found += [f"in the dark: {problem}" for problem in problems(person.page, only=COLOURS)]
    person.darken(False)
    return found


def _why(node: dict[str, Any]) -> str:
    return " ".join(check["message"] for check in (*node["any"], *node["all"], *node["none"]))[:240]
