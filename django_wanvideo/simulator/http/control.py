"""`/_simulator/...`: the simulator's own controls, in JSON, for other processes on this machine; without a key."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from . import redaction
from .clock import VirtualClock
from .faults import Fault, check_name
from .wire import Request, Response, json_response

if TYPE_CHECKING:
    from .core import Simulator
    from .tasks import Task

PREFIX = "/_simulator/"


class Control:
    """Handlers of the control endpoints.

    GET ledger, journal?after=&endpoint=&limit=, tasks, tasks/<id>, faults, status.
    POST faults: `{"spec": "create:429:2"}` or `{"point", "name", "times", "options"}`, or
    `{"random": {"create:reset": 0.1}, "seed": 7}`; DELETE faults clears them.
    POST tasks/<id>/complete `{"results"?}`, tasks/<id>/fail `{"code", "message"?}`, tasks/<id>/cancel,
    tasks/<id>/progress `{"progress"}`; POST clock/advance `{"seconds"}` (virtual time only); POST reset.
    """

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim

    def handle(self, request: Request) -> Response:
        """Answer a control request; the router has made sure that it comes from this machine."""
        parts = request.path.removeprefix(PREFIX).strip("/").split("/")
        try:
            if request.method == "GET":
                return self._read(parts, request.query)
            if request.method == "DELETE" and parts == ["faults"]:
                self._sim.faults.clear()
                return self._faults()
            if request.content_type != "application/json":
                return _wrong("Send JSON, with Content-Type: application/json.", 415)
            body = request.json() if request.body else {}
            return self._write(parts, body if isinstance(body, dict) else {})
        except KeyError as error:
            return _wrong(f"There is no task or value {error}.", 404)
        except (ValueError, TypeError) as error:
            return _wrong(str(error), 400)

    def _read(self, parts: list[str], query: dict[str, str]) -> Response:
        match parts:
            case ["ledger"]:
                return json_response(self._sim.ledger.as_dict())
            case ["journal"]:
                after, limit = int(query.get("after", 0)), int(query.get("limit", 500))
                entries = self._sim.journal.find(query.get("endpoint"), after=after)[:limit]
                counts = self._sim.journal.counts()
                return json_response({"counts": counts, "entries": [entry.as_dict() for entry in entries]})
            case ["tasks"]:
                return json_response({"tasks": [_row(task) for task in self._sim.tasks.values()]})
            case ["tasks", task_id]:
                return json_response(_row(self._sim.tasks[task_id]))
            case ["faults"]:
                return self._faults()
            case ["status"]:
                return json_response(self._sim.status())
        return _wrong("No such control.", 404)

    def _write(self, parts: list[str], body: dict[str, Any]) -> Response:
        sim = self._sim
        match parts:
            case ["faults"]:
                return self._add_fault(body)
            case ["clock", "advance"]:
                if not isinstance(sim.clock, VirtualClock):
                    return _wrong("This simulator runs on real time; start it with a VirtualClock.", 409)
                return json_response({"now": sim.clock.advance(float(body["seconds"]))})
            case ["reset"]:
                sim.reset()
                return json_response(sim.status())
            case ["tasks", task_id, action]:
                task = sim.tasks[task_id]
                match action:
                    case "complete":
                        done = sim.engine.complete(task, body.get("results"))
                    case "fail":
                        done = sim.engine.fail(task, str(body.get("code", "unknown_error")), body.get("message"))
                    case "cancel":
                        done = sim.engine.cancel(task)
                    case "progress":
                        sim.set_progress(task_id, int(body["progress"]))
                        done = True
                    case _:
                        return _wrong("A task can be told to complete, fail, cancel or progress.", 404)
                return json_response(_row(task)) if done else _wrong(f"The task has already ended: {task.status}.", 409)
        return _wrong("No such control.", 404)

    def _add_fault(self, body: dict[str, Any]) -> Response:
        if "random" in body:
            self._sim.faults.random(body.get("seed", 0), body["random"])
        elif "spec" in body:
            self._sim.faults.put(Fault.parse(str(body["spec"])))
        else:
            check_name(str(body.get("point")), str(body.get("name")))
            options = body.get("options") or {}
            self._sim.faults.put(Fault(body["point"], body["name"], body.get("times", 1), None, dict(options)))
        return self._faults()

    def _faults(self) -> Response:
        waiting = [fault.as_dict() for fault in self._sim.faults.waiting]
        return json_response({"waiting": waiting, "fired": dict(self._sim.faults.fired)})


def _row(task: Task) -> dict[str, Any]:
    """A task as its reader sees it, with what only the simulator knows."""
    return task.as_body() | {
        "simulator": {
            "progression": str(task.progression),
            "polls": task.polls,
            "links": [dataclasses.asdict(link) for link in task.links],
            "request": redaction.body(task.body),
        }
    }


def _wrong(reason: str, status: int) -> Response:
    return json_response({"error": {"message": reason}}, status)
