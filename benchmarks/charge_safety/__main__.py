"""``python -m benchmarks.charge_safety``: one table, POSTs per fault, our create call beside the SDKs of others.

Each client is installed into an environment of its own (kept in the user's cache), is given a loopback address, and
makes one "create" call per fault in a process of its own. Counted are the POSTs that arrived whole.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.charge_safety.environments import NotInstalled, cache_dir, interpreter_for
from benchmarks.tables import Verdict, table
from tests.evolink.server import ScriptedServer, answer, close, hang

#: Name in the driver, name in the table, what is installed (``None``: it is here already).
CLIENTS = (
    ("ours", "django-wanvideo", None),
    ("fal-client", "fal-client 1.0.3", "fal-client==1.0.3"),
    ("runwayml", "runwayml 5.24.0", "runwayml==5.24.0"),
    ("openai", "openai 3.54.0", "openai==3.54.0"),
    ("lumaai", "lumaai 1.21.0", "lumaai==1.21.0"),
    ("dashscope", "dashscope 2.0.2", "dashscope==2.0.2"),
    ("replicate", "replicate 1.0.7", "replicate==1.0.7"),
    ("google-genai", "google-genai 3.4.0", "google-genai==3.4.0"),
    ("requests-retry", "requests + Retry(3, allowed_methods=None)", None),
    ("requests-bare", "requests", None),
)
_NGINX = b"""<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r
<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"""
_ERROR = {"error": {"code": "internal_error", "message": "Internal server error", "type": "server_error"}}
#: What becomes of the answer after the whole request has been read.
FAULTS = {
    "answer lost": close,
    "502 of a proxy": answer(502, _NGINX, Server="nginx", Content_Type="text/html", Connection="close"),
    "500 JSON": answer(500, _ERROR, Content_Type="application/json", Connection="close"),
    "read timeout": hang,
}
DRIVER = Path(__file__).with_name("driver.py")
ROOT = DRIVER.parents[2]


def main(argv: list[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.charge_safety", description=__doc__)
    parser.add_argument("--only", nargs="*", metavar="CLIENT", help=f"of: {', '.join(name for name, *_ in CLIENTS)}")
    parser.add_argument("--cache", type=Path, default=cache_dir(), help="where the environments are kept")
    parser.add_argument("--seconds", type=float, default=60, help="most that one call may take")
    parser.add_argument("--no-goal", action="store_true", help="print only; always leave with 0")
    options = parser.parse_args(argv)
    rows, trouble, own = [], [], {}
    for name, label, requirement in CLIENTS:
        if options.only and name not in options.only:
            continue
        try:
            python = interpreter_for(requirement, options.cache) if requirement else Path(sys.executable)
        except NotInstalled as reason:
            trouble.append(f"{label} could not be installed: {reason}")
            continue
        counts, notes = _counts(python, name, options.seconds)
        trouble += [f"{label}, {note}" for note in notes]
        rows.append((label, *counts.values()))
        if name == "ours":
            own = counts
    print("POSTs that one create call makes, by what becomes of its answer\n")
    print(table(["client, with its defaults", *FAULTS], rows), "\n")
    print("\n".join([*trouble, ""]) if trouble else "", end="")
    verdict = Verdict(binding=not options.no_goal)
    for fault, posts in own.items():
        verdict.exactly(f"POSTs of django-wanvideo, {fault}", int(posts), 1)
    return verdict.exit_code()


def _counts(python: Path, name: str, seconds: float) -> tuple[dict[str, str], list[str]]:
    """Make the call once per fault; returns POSTs by fault, and what must be said about them."""
    counts, notes = {}, []
    for fault, behaviour in FAULTS.items():
        with ScriptedServer(behaviour) as server:
            command = [str(python), str(DRIVER), name, server.url]
            try:
                done = subprocess.run(
                    command, timeout=seconds, capture_output=True, text=True, check=False, env=_environment(name)
                )
            except subprocess.TimeoutExpired:
                counts[fault] = f"{_posts(server)}+"
                notes.append(f"{fault}: stopped after {seconds:g} s, still trying")
                continue
            counts[fault] = str(_posts(server))
            if not _posts(server):
                said = (done.stdout.strip() or done.stderr.strip()).splitlines()
                notes.append(f"{fault}: no POST arrived ({said[-1] if said else 'it said nothing'})")
    return counts, notes


def _posts(server: ScriptedServer) -> int:
    return sum(request.method == "POST" for request in server.requests)


def _environment(name: str) -> dict[str, str]:
    """Nothing of a proxy, a key or an address of the person's own reaches a client."""
    kept = {key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "LANG", "TMPDIR"}}
    return kept | {"NO_PROXY": "*"} | ({"PYTHONPATH": str(ROOT)} if name == "ours" else {})


if __name__ == "__main__":
    sys.exit(main())
