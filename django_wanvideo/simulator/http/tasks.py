"""The task API: create, read, list, balance, models."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from . import mischief, validation
from .errors import create_error, task_error
from .faults import Fault
from .progression import Script
from .redaction import body as redacted_body
from .rules import MODELS
from .wire import Drop, Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .core import Simulator
    from .idempotency import Claim
    from .mischief import Answer
    from .tasks import Task

CREATE = "/v1/videos/generations"
BATCH_LIMIT = 50
PAGE_LIMIT = 50
#: What a list filter means: `processing` includes the queued ones.
_FILTERS = {"processing": ("pending", "processing")}


class TaskApi:
    """Handlers of `/v1/...`."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self._scripted: set[tuple[str, str]] = set()

    def create(self, request: Request) -> Answer:
        """`POST /v1/videos/generations`."""
        early = self._sim.faults.take_early("create")
        if early is not None:
            request.fault = str(early)
            return Drop(reset=early.name == "reset")
        body = self._read_json(request)
        request.seen_body = redacted_body(body)
        context: dict[str, Any] = body if isinstance(body, dict) else {}
        fault = self._fault(request, context)
        made: list[Task] = []

        def accept() -> Response:
            response, task = self._accept(request, body)
            made.append(task)
            request.note = task.id
            return response

        if fault is None:
            return accept()
        request.fault = str(fault)
        return mischief.on_create(
            fault, request.target, str(context.get("model", "")), accept, lambda: self._sim.engine.end_now(made[0])
        )

    def get(self, request: Request, task_id: str) -> Answer:
        """`GET /v1/tasks/{id}`."""
        if not task_id.startswith("task-unified-"):
            raise task_error(400, param="task_id")
        task = self._sim.tasks.get(task_id)
        if task is not None and task.account is not request.account:
            raise task_error(403)
        if task is not None:
            self._sim.engine.look(task, polled=True)
            request.note = f"{task.status} {task.progress}%"
        done = task is not None and task.status == "completed"

        def possible(name: str) -> bool:
            if name in ("completed_without_results", "foreign_result", "odd_link", "several_links", "without_status"):
                return done
            return task is not None or name not in ("bad_byte", "unknown_status", "outdated", "other_task")

        fault = self._sim.faults.take("get", task.body if task else {}, possible)

        def answer() -> Response:
            if task is None:
                raise task_error(404)
            return json_response(task.as_body())

        if fault is None:
            return answer()
        request.fault = str(fault)
        if fault.name == "redirect":
            return mischief.redirect(fault, request.target)
        if fault.name == "bad_byte":
            return mischief.with_bad_byte(answer())
        return mischief.broken(fault, answer) or json_response(_distort(fault, task))

    def batch(self, request: Request) -> Answer:
        """`POST /v1/tasks/batch`: at most 50 ids; unknown and foreign ones are absent."""
        if not self._sim.options.batch:
            raise task_error(404)
        body = self._read_json(request)
        ids = body.get("task_ids") if isinstance(body, dict) else None
        if not isinstance(ids, list) or not all(isinstance(item, str) for item in ids):
            raise create_error(400, "task_ids must be an array of strings", param="task_ids")
        if not 1 <= len(ids) <= BATCH_LIMIT:
            raise create_error(400, f"task_ids must hold 1 to {BATCH_LIMIT} ids", param="task_ids")
        found = [
            task for task in map(self._sim.tasks.get, dict.fromkeys(ids)) if task and task.account is request.account
        ]
        for task in found:
            self._sim.engine.look(task, polled=True)
        return json_response({"data": [task.as_body() for task in found]})

    def list_tasks(self, request: Request) -> Answer:
        """`GET /v1/tasks`: the account's tasks, newest first, without result links."""
        query = request.query
        try:
            page, size = int(query.get("page", 1)), int(query.get("page_size", 20))
        except ValueError:
            raise create_error(400, "page and page_size must be integers", param="page") from None
        if page < 1 or not 1 <= size <= PAGE_LIMIT:
            raise create_error(400, f"page starts at 1, page_size is 1 to {PAGE_LIMIT}", param="page_size")
        assert request.account is not None  # noqa: S101  (the router has checked the key)
        tasks = self._sim.tasks.of(request.account)
        for task in tasks:
            self._sim.engine.look(task)
        wanted, model = query.get("status"), query.get("model")
        if query.get("type", "video") != "video":
            tasks = []
        if wanted:
            tasks = [task for task in tasks if task.status in _FILTERS.get(wanted, (wanted,))]
        if model:
            tasks = [task for task in tasks if task.model == model]
        rows = [task.as_summary() for task in tasks[(page - 1) * size : page * size]]
        return json_response({"data": rows, "total": len(tasks), "page": page, "page_size": size})

    def credits(self, request: Request) -> Answer:
        """`GET /v1/credits`."""
        assert request.account is not None  # noqa: S101  (the router has checked the key)
        return json_response(request.account.body(request.api_key))

    def models(self, _request: Request) -> Answer:
        """`GET /v1/models`."""
        return json_response({"data": [{"id": name} for name in MODELS]})

    def _accept(self, request: Request, body: Any) -> tuple[Response, Task]:
        """Validate, honour the key, reserve, make the task. Raises the documented ApiError otherwise."""
        sim, account = self._sim, request.account
        assert account is not None  # noqa: S101  (the router has checked the key)
        key = request.header("Idempotency-Key") or None
        if key is not None and not validation.IDEMPOTENCY_KEY.fullmatch(key):
            message = "Idempotency-Key must be 16 to 96 characters of A-Z, a-z, 0-9, '.', '_' and '-'"
            raise create_error(400, message, param="Idempotency-Key")
        options = sim.options
        wish = validation.judge(
            body, allow_loopback=options.allow_loopback, reject_unknown=options.unknown_fields == "rejected"
        )
        claim: Claim | None = None
        if key is not None and options.idempotency == "supported":
            digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
            claimed = sim.idempotency.claim(account.id, key, digest)
            if isinstance(claimed, str):
                earlier = sim.tasks[claimed]
                return json_response(self._submitted(earlier), headers={"idempotency-replayed": "true"}), earlier
            claim = claimed
            request.when_over.append(lambda: sim.idempotency.release(account.id, key))
        sim.engine.check_rate(account)
        task = sim.engine.accept(account, request.api_key, wish, body, sim.link_base(request), key)
        if claim is not None:
            claim.task_id = task.id
        response = json_response(self._submitted(task))
        response.after = lambda: sim.engine.run(task)
        return response, task

    def _submitted(self, task: Task) -> dict[str, Any]:
        return task.submitted(video_duration=task.model.startswith("wan3.0"))

    def _fault(self, request: Request, body: Mapping[str, Any]) -> Fault | None:
        """The fault that the prompt asks for, once per prompt, or the registry's next."""
        name = Script.read(body.get("prompt")).fault
        account = request.account.id if request.account else ""
        if name and (account, str(body["prompt"])) not in self._scripted:
            self._scripted.add((account, str(body["prompt"])))
            try:
                return Fault.parse(f"create:{name}")
            except ValueError:
                request.note = f"no fault {name!r}"
        return self._sim.faults.take("create", body)

    def _read_json(self, request: Request) -> Any:
        if request.content_type != "application/json":
            raise create_error(415, "Content-Type must be application/json")
        try:
            return request.json()
        except ValueError:
            raise create_error(400, "Invalid request parameters: the body is not valid JSON") from None


def _distort(fault: Fault, task: Task | None) -> dict[str, Any]:
    """A task's body, wrong in the way of a fault."""
    if task is None:
        raise task_error(404)
    body = task.as_body()
    match fault.name:
        case "unknown_status":
            return body | {"status": str(fault.options.get("status", "archived"))}
        case "completed_without_results":
            return body | {"results": [], "result_data": []}
        case "without_status":
            return {name: value for name, value in body.items() if name != "status"}
        case "odd_link":
            url = body["results"][0] + '?filename="a b|{c}^é.mp4"'
            return body | {"results": [url], "result_data": [{"url": url}]}
        case "several_links":
            right = body["results"][0]
            dead = str(fault.options.get("url", right.rpartition("/")[0] + "/gone.mp4"))
            return body | {"results": [dead, right], "result_data": []}
        case "foreign_result":
            url = str(fault.options.get("url", "http://169.254.169.254/latest/meta-data/"))
            return body | {"results": [url], "result_data": [{"url": url}]}
        case "other_task":
            return body | {"id": str(fault.options.get("id", f"task-unified-{int(task.created)}-00000000"))}
        case _:
            return task.submitted(video_duration=False)
