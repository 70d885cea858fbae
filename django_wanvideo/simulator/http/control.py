"""The page at `/`, and `/_simulator/...`: the controls, in JSON, for people and processes on this machine."""

from __future__ import annotations

import html
import time
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django_wanvideo.simulator.clock import VirtualClock
from django_wanvideo.simulator.journal import redact_body
from django_wanvideo.simulator.provider.faults import Fault

from .messages import ApiRequest, html_response, json_response

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from django_wanvideo.simulator.provider.engine import Engine
    from django_wanvideo.simulator.provider.state import State
    from django_wanvideo.simulator.provider.tasks import Task

#: Rows on the page.
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


class Control:
    """The control endpoints.

    GET ledger, journal?after=&endpoint=&limit=, tasks, tasks/<id>, faults, status.
    POST faults: `{"spec": "create:429:2"}` or `{"point", "name", "times", "options"}`, or
    `{"random": {"create:reset": 0.1}, "seed": 7}`; DELETE faults clears them.
    POST tasks/<id>/complete `{"results"?}`, tasks/<id>/fail `{"code", "message"?}`, tasks/<id>/cancel,
    tasks/<id>/progress `{"progress"}`; POST clock/advance `{"seconds"}` (virtual time only); POST reset.
    """

    def __init__(self, state: State, engine: Engine) -> None:
        self._state = state
        self._engine = engine

    def dashboard(self, _request: ApiRequest) -> Response:
        """The page at `/`, which reloads itself every three seconds and runs no script."""
        return html_response(_page(self._state))

    def handle(self, request: ApiRequest, name: str) -> Response:
        """Answer a control request; the application has made sure that it comes from this machine."""
        parts = name.strip("/").split("/")
        try:
            if request.method == "GET":
                return self._read(parts, request.args)
            if request.method == "DELETE" and parts == ["faults"]:
                self._state.faults.clear()
                return self._faults()
            if request.method == "DELETE":
                return _unknown()
            if request.mimetype != "application/json":
                return _error("Send JSON, with Content-Type: application/json.", 415)
            body = request.read_json() if request.get_data() else {}
            return self._write(parts, body if isinstance(body, dict) else {})
        except KeyError as error:
            return _error(f"There is no task or value {error}.", 404)
        except (ValueError, TypeError) as error:
            return _error(str(error), 400)

    def _read(self, parts: list[str], query: Any) -> Response:
        state = self._state
        match parts:
            case ["ledger"]:
                return json_response(state.ledger.as_dict())
            case ["journal"]:
                after, limit = int(query.get("after", 0)), int(query.get("limit", 500))
                entries = state.journal.find(query.get("endpoint"), after=after)[:limit]
                return json_response({"counts": state.journal.counts(), "entries": list(map(asdict, entries))})
            case ["tasks"]:
                return json_response({"tasks": [_row(task) for task in state.tasks.values()]})
            case ["tasks", task_id]:
                return json_response(_row(state.tasks[task_id]))
            case ["faults"]:
                return self._faults()
            case ["status"]:
                return self._status()
        return _unknown()

    def _write(self, parts: list[str], body: dict[str, Any]) -> Response:
        match parts:
            case ["faults"]:
                return self._add_fault(body)
            case ["clock", "advance"]:
                clock = self._state.options.clock
                if not isinstance(clock, VirtualClock):
                    return _error("This simulator runs on real time; start it with a VirtualClock.", 409)
                return json_response({"now": clock.advance(float(body["seconds"]))})
            case ["reset"]:
                # Tasks, balances and the ledger stay: what was charged stays charged.
                self._state.faults.clear()
                self._state.journal.clear()
                return self._status()
            case ["tasks", task_id, action]:
                return self._move(self._state.tasks[task_id], action, body)
        return _unknown()

    def _move(self, task: Task, action: str, body: dict[str, Any]) -> Response:
        match action:
            case "complete":
                done = self._engine.complete(task, body.get("results"))
            case "fail":
                done = self._engine.fail(task, str(body.get("code", "unknown_error")), body.get("message"))
            case "cancel":
                done = self._engine.cancel(task)
            case "progress":
                done = self._engine.set_progress(task, int(body["progress"]))
            case _:
                return _error("A task can be told to complete, fail, cancel or progress.", 404)
        return json_response(_row(task)) if done else _error(f"The task has already ended: {task.status}.", 409)

    def _add_fault(self, body: dict[str, Any]) -> Response:
        if "random" in body:
            self._state.faults.random(body.get("seed", 0), body["random"])
        elif "spec" in body:
            self._state.faults.put(Fault.parse(str(body["spec"])))
        else:
            point, name, options = str(body.get("point")), str(body.get("name")), dict(body.get("options") or {})
            self._state.faults.put(Fault(point, name, body.get("times", 1), None, options))
        return self._faults()

    def _faults(self) -> Response:
        faults = self._state.faults
        waiting = [vars(fault) | {"when": fault.when is not None} for fault in faults.waiting]
        return json_response({"waiting": waiting, "fired": faults.fired})

    def _status(self) -> Response:
        state = self._state
        summary = {
            "url": state.url,
            "now": state.now(),
            "progression": str(state.options.progression),
            "tasks": Counter(task.status for task in state.tasks.values()),
            "accepted": len(state.ledger),
            "billed": len(state.ledger.billed),
            "total": str(state.ledger.total),
            "requests": state.journal.counts(),
            "faults": state.faults.fired,
        }
        return json_response(summary)


def _row(task: Task) -> dict[str, Any]:
    """A task as its reader sees it, with what only the simulator knows."""
    return task.as_body() | {
        "simulator": {
            "progression": str(task.progression),
            "polls": task.polls,
            "links": list(map(asdict, task.links)),
            "request": redact_body(task.body),
        }
    }


def _error(reason: str, status: int) -> Response:
    return json_response({"error": {"message": reason}}, status)


def _unknown() -> Response:
    return _error("No such control.", 404)


def _page(state: State) -> str:
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
