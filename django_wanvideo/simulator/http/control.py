"""`/_simulator/...`: the simulator's own controls, in JSON, for other processes on this machine; without a key."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING, Any

from django_wanvideo.simulator.clock import VirtualClock
from django_wanvideo.simulator.journal import redact_body
from django_wanvideo.simulator.provider.faults import Fault, check_name

from . import dashboard
from .messages import ApiRequest, html_response, json_response

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from django_wanvideo.simulator.provider.engine import Engine
    from django_wanvideo.simulator.provider.state import State
    from django_wanvideo.simulator.provider.tasks import Task


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
        """The page at `/`."""
        return html_response(dashboard.render(self._state))

    def handle(self, request: ApiRequest, name: str) -> Response:
        """Answer a control request; the application has made sure that it comes from this machine."""
        parts = name.strip("/").split("/")
        try:
            if request.method == "POST":
                if request.mimetype != "application/json":
                    return _error("Send JSON, with Content-Type: application/json.", 415)
                body = request.read_json() if request.get_data() else {}
                return self._write(parts, body if isinstance(body, dict) else {})
            if request.method == "DELETE" and parts == ["faults"]:
                self._state.faults.clear()
                return self._faults()
            return self._read(parts, request.args) if request.method == "GET" else _unknown()
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
                rows = [entry.as_dict() for entry in entries]
                return json_response({"counts": state.journal.counts(), "entries": rows})
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
                self._state.reset()
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
            check_name(str(body.get("point")), str(body.get("name")))
            options = body.get("options") or {}
            self._state.faults.put(Fault(body["point"], body["name"], body.get("times", 1), None, dict(options)))
        return self._faults()

    def _faults(self) -> Response:
        waiting = [fault.as_dict() for fault in self._state.faults.waiting]
        return json_response({"waiting": waiting, "fired": dict(self._state.faults.fired)})

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
            "links": [dataclasses.asdict(link) for link in task.links],
            "request": redact_body(task.body),
        }
    }


def _error(reason: str, status: int) -> Response:
    return json_response({"error": {"message": reason}}, status)


def _unknown() -> Response:
    return _error("No such control.", 404)
