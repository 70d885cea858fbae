"""The page at `/`: what the simulator has seen, for people."""

from __future__ import annotations

import html
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_wanvideo.simulator.provider.state import State

_TASKS = 25
_LINES = 40

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .6rem .25rem 0; }
th { border-bottom: 1px solid #999; font-weight: 600; } td { border-bottom: 1px solid #ddd; vertical-align: top; }
code, td.path { font-family: ui-monospace, monospace; font-size: 13px; overflow-wrap: anywhere; }
.bad { color: #a40000; font-weight: 600; } .good { color: #2f6a00; }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd; } a { color: #8ab4f8; }
  td { border-color: #333; } .bad { color: #ff8a80; } .good { color: #9ccc65; } }
"""


def render(state: State) -> str:
    """The page, as HTML that reloads itself every three seconds and runs no script."""
    ledger = state.ledger.as_dict()
    double = len(ledger["duplicates"])
    charged_class = "bad" if double else "good"
    summary = (
        f"<p>{ledger['accepted']} accepted, {ledger['billed']} billed, {ledger['total']} credits; "
        f"<span class={charged_class}>{double} charged twice</span>. "
        f"Left on the account: {state.accounts.first.remaining} credits. Progression: <code>{state.options.progression}</code>, "
        f"callbacks {'on' if state.options.callbacks else 'off'}.</p>"
    )
    waiting = [f"{html.escape(str(fault))} &times;{fault.times or '&infin;'}" for fault in state.faults.waiting]
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<meta http-equiv=refresh content=3><title>EvoLink simulator</title><style>{_STYLE}</style></head><body>"
        f"<h1>EvoLink simulator</h1>{summary}"
        f"<p>Faults to come: {', '.join(waiting) or 'none'}. Data: <a href=/_simulator/ledger>ledger</a>, "
        "<a href=/_simulator/tasks>tasks</a>, <a href=/_simulator/journal>journal</a>, "
        "<a href=/_simulator/faults>faults</a>.</p>"
        f"<h2>Tasks</h2>{_tasks(state)}<h2>Requests</h2>{_requests(state)}</body></html>"
    )


def _tasks(state: State) -> str:
    rows = []
    for task in list(state.tasks.values())[: -_TASKS - 1 : -1]:
        status = f"{task.status} {task.progress}%"
        if task.error:
            status = f"<span class=bad>{html.escape(task.status)}</span> <code>{html.escape(task.error['code'])}</code>"
        video = f"<a href='{html.escape(task.links[-1].path)}'>video</a>" if task.links else ""
        rows.append(
            f"<tr><td><code>{task.id}</code></td><td>{html.escape(task.model)}</td>"
            f"<td>{html.escape(task.prompt[:80])}</td><td>{task.seconds} s {html.escape(task.quality)}</td>"
            f"<td>{status}</td><td>{state.ledger[task.id].credits}</td><td>{video}</td></tr>"
        )
    head = "<tr><th>Task<th>Model<th>Prompt<th>Video<th>Status<th>Credits<th></tr>"
    return f"<table>{head}{''.join(rows)}</table>" if rows else "<p>None yet.</p>"


def _requests(state: State) -> str:
    rows = []
    for entry in list(state.journal)[: -_LINES - 1 : -1]:
        moment = time.strftime("%H:%M:%S", time.localtime(entry.at))
        arrow = "&larr;" if entry.kind == "request" else "&rarr;"
        good = "good" if 200 <= entry.status < 300 else "bad"
        detail = " ".join(filter(None, (f"[{entry.fault}]" if entry.fault else "", entry.note)))
        rows.append(
            f"<tr><td>{moment}</td><td>{arrow} {html.escape(entry.method)}</td>"
            f"<td class=path>{html.escape(entry.path)}</td><td class={good}>{entry.status or '&mdash;'}</td>"
            f"<td>{entry.ms:.0f} ms</td><td>{html.escape(detail)}</td></tr>"
        )
    head = "<tr><th>Time<th>Method<th>Path<th>Status<th>Took<th></tr>"
    return f"<table>{head}{''.join(rows)}</table>" if rows else "<p>None yet.</p>"
