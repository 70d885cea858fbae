"""Which test proves which of the faults that users found: ``python -m tests.fault_table`` writes ``tests/FAULTS.md``."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parent
TABLE = TESTS / "FAULTS.md"
KINDS = {
    "K1": "Money that a person did not agree to",
    "K2": "A copied or restored database spends again",
    "K3": "Final on evidence that may pass",
    "K4": "The account's trouble treated as each task's",
    "K5": "Own marks believed for ever",
    "K6": "Reading what was paid for too strictly",
    "K7": "Files deleted by name, or after the commit",
    "K8": "Ornaments and housekeeping on the critical path",
    "K9": "Inputs judged by what they look like",
    "K10": "Side doors",
    "K11": "Host sites that differ from ours",
    "K12": "Pages",
    "K13": "Slow for no reason",
}
HEAD = """# Faults that users found, and the tests that prove their cure

Written by `make fault-table` from the marker `fault` of the tests; a test compares.
"""


def cases(node: ast.AST) -> Iterator[str]:
    """The cases that marks anywhere in an expression name."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "fault":
            yield from (arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))


def marked(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each case of a file with the name of a test that proves it."""

    def visit(body: list[ast.stmt], above: list[str], prefix: str) -> Iterator[tuple[str, str]]:
        inherited = list(above)
        for node in body:
            if isinstance(node, ast.Assign) and any(getattr(name, "id", "") == "pytestmark" for name in node.targets):
                inherited += cases(node.value)
        for node in body:
            if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                own = [case for mark in node.decorator_list for case in cases(mark)]
                yield from visit(node.body, inherited + own, f"{prefix}{node.name}::")
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test"):
                own = [case for mark in node.decorator_list for case in cases(mark)]
                yield from ((case, prefix + node.name) for case in dict.fromkeys(inherited + own))

    yield from visit(tree.body, [], "")


def text() -> str:
    """The table as it should stand."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(TESTS.rglob("*.py")):
        for case, name in marked(ast.parse(path.read_text())):
            found[case.partition(".")[0]][case].append(f"`{path.relative_to(TESTS)}::{name}`")
    unknown = set(found) - set(KINDS)
    if unknown:
        raise SystemExit(f"There are no kinds of faults called {', '.join(sorted(unknown))}.")
    parts = [HEAD]
    for kind, title in KINDS.items():
        parts.append(f"\n## {kind} · {title}\n\n| case | proved by |\n| --- | --- |\n")
        for case, tests in sorted(found[kind].items()):
            name = case.partition(".")[2].replace("-", " ") or "the kind"
            parts.append(f"| {name} | {'<br>'.join(tests)} |\n")
    return "".join(parts)


if __name__ == "__main__":
    TABLE.write_text(text())
