"""The task API: create, read, list, balance, models."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from django_wanvideo.simulator.journal import redact_body
from django_wanvideo.simulator.provider.errors import create_error, task_error
from django_wanvideo.simulator.provider.faults import Fault
from django_wanvideo.simulator.provider.specs import MODELS
from django_wanvideo.simulator.provider.validation import IDEMPOTENCY_KEY, validate
from django_wanvideo.simulator.script import Script

from . import fault_responses
from .messages import Answer, ApiRequest, Disconnect, json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.wrappers import Response

    from django_wanvideo.simulator.provider.accounts import Claim
    from django_wanvideo.simulator.provider.engine import Engine
    from django_wanvideo.simulator.provider.state import State
    from django_wanvideo.simulator.provider.tasks import Task

BATCH_LIMIT = 50
PAGE_LIMIT = 50
#: What a list filter means: `processing` includes the queued ones.
_FILTERS = {"processing": ("pending", "processing")}
#: Faults of a read that need a task, and those that need one with a result.
_FAULTS_OF_A_TASK = frozenset({"bad_byte", "unknown_status", "outdated", "other_task"})
_FAULTS_OF_A_RESULT = frozenset(
    {"completed_without_results", "foreign_result", "odd_link", "several_links", "without_status"}
)


class TaskApi:
    """Endpoints of `/v1/...`."""

    def __init__(self, state: State, engine: Engine) -> None:
        self._state = state
        self._engine = engine
        self._scripted: set[tuple[str, str]] = set()

    def create(self, request: ApiRequest) -> Answer:
        early = self._state.faults.take_early("create")
        if early is not None:
            request.fault = str(early)
            return Disconnect(reset=early.name == "reset")
        body = _read_json(request)
        request.seen_body = redact_body(body)
        context: dict[str, Any] = body if isinstance(body, dict) else {}
        fault = self._take_fault(request, context)
        made: list[Task] = []

        def accept() -> Response:
            response, task = self._accept(request, body)
            made.append(task)
            request.note = task.id
            return response

        if fault is None:
            return accept()
        request.fault = str(fault)
        model = str(context.get("model", ""))
        return fault_responses.on_create(request, fault, model, accept, lambda: self._engine.end_now(made[0]))

    def get(self, request: ApiRequest, task_id: str) -> Answer:
        if not task_id.startswith("task-unified-"):
            raise task_error(400, param="task_id")
        task = self._state.tasks.get(task_id)
        if task is not None:
            if task.account is not request.account:
                raise task_error(403)
            self._engine.advance(task, polled=True)
            request.note = f"{task.status} {task.progress}%"

        def possible(name: str) -> bool:
            if name in _FAULTS_OF_A_RESULT:
                return task is not None and task.status == "completed"
            return task is not None or name not in _FAULTS_OF_A_TASK

        def answer() -> Response:
            if task is None:
                raise task_error(404)
            return json_response(task.as_body())

        fault = self._state.faults.take("get", task.body if task else {}, possible)
        if fault is None:
            return answer()
        request.fault = str(fault)
        if fault.name == "redirect":
            return fault_responses.redirect(fault, request.target)
        broken = fault_responses.broken(request, fault, answer)
        if broken is not None:
            return broken
        if task is None:
            raise task_error(404)
        if fault.name == "bad_byte":
            return fault_responses.with_bad_byte(answer())
        return json_response(_distort(fault, task))

    def batch(self, request: ApiRequest) -> Answer:
        """`POST /v1/tasks/batch`: at most 50 ids; unknown and foreign ones are absent."""
        if not self._state.options.batch:
            raise task_error(404)
        body = _read_json(request)
        ids = body.get("task_ids") if isinstance(body, dict) else None
        if not isinstance(ids, list) or not all(isinstance(item, str) for item in ids):
            raise create_error(400, "task_ids must be an array of strings", param="task_ids")
        if not 1 <= len(ids) <= BATCH_LIMIT:
            raise create_error(400, f"task_ids must hold 1 to {BATCH_LIMIT} ids", param="task_ids")
        known = filter(None, map(self._state.tasks.get, dict.fromkeys(ids)))
        found = [task for task in known if task.account is request.account]
        for task in found:
            self._engine.advance(task, polled=True)
        return json_response({"data": [task.as_body() for task in found]})

    def list_tasks(self, request: ApiRequest) -> Answer:
        """`GET /v1/tasks`: the account's tasks, newest first, without result links."""
        query = request.args
        try:
            page, size = int(query.get("page", 1)), int(query.get("page_size", 20))
        except ValueError:
            raise create_error(400, "page and page_size must be integers", param="page") from None
        if page < 1 or not 1 <= size <= PAGE_LIMIT:
            raise create_error(400, f"page starts at 1, page_size is 1 to {PAGE_LIMIT}", param="page_size")
        tasks = self._state.tasks.of(request.account)
        for task in tasks:
            self._engine.advance(task)
        status, model = query.get("status"), query.get("model")
        if query.get("type", "video") != "video":
            tasks = []
        if status:
            tasks = [task for task in tasks if task.status in _FILTERS.get(status, (status,))]
        if model:
            tasks = [task for task in tasks if task.model == model]
        rows = [task.as_summary() for task in tasks[(page - 1) * size : page * size]]
        return json_response({"data": rows, "total": len(tasks), "page": page, "page_size": size})

    def credits(self, request: ApiRequest) -> Answer:
        return json_response(request.account.body(request.api_key))

    def models(self, _request: ApiRequest) -> Answer:
        return json_response({"data": [{"id": name} for name in MODELS]})

    def _accept(self, request: ApiRequest, body: Any) -> tuple[Response, Task]:
        """Validate, honour the key, reserve, make the task. Raises the documented ApiError otherwise."""
        account, options = request.account, self._state.options
        key = request.header("Idempotency-Key") or None
        if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
            message = "Idempotency-Key must be 16 to 96 characters of A-Z, a-z, 0-9, '.', '_' and '-'"
            raise create_error(400, message, param="Idempotency-Key")
        reject_unknown = options.unknown_fields == "rejected"
        valid = validate(body, allow_loopback=options.allow_loopback, reject_unknown=reject_unknown)
        claim: Claim | None = None
        if key is not None and options.idempotency == "supported":
            digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
            claimed = account.claim(key, digest)
            if isinstance(claimed, str):
                earlier = self._state.tasks[claimed]
                return json_response(earlier.submitted(), headers={"idempotency-replayed": "true"}), earlier
            claim = claimed
            request.before_answer = lambda: account.release(key)
        self._engine.check_rate(account)
        link_base = self._state.link_base(request.header("Host"))
        task = self._engine.accept(account, request.api_key, valid, body, link_base, key)
        if claim is not None:
            claim.task_id = task.id
        request.after_answer = lambda: self._engine.after_answer(task)
        return json_response(task.submitted()), task

    def _take_fault(self, request: ApiRequest, body: Mapping[str, Any]) -> Fault | None:
        """The fault that the prompt asks for, once per prompt, or the registry's next."""
        name = Script.read(body.get("prompt")).fault
        if name and (request.account.id, str(body["prompt"])) not in self._scripted:
            self._scripted.add((request.account.id, str(body["prompt"])))
            try:
                return Fault.parse(f"create:{name}")
            except ValueError:
                request.note = f"no fault {name!r}"
        return self._state.faults.take("create", body)


def _read_json(request: ApiRequest) -> Any:
    if request.mimetype != "application/json":
        raise create_error(415, "Content-Type must be application/json")
    try:
        return request.read_json()
    except ValueError:
        raise create_error(400, "Invalid request parameters: the body is not valid JSON") from None


def _with_link(body: dict[str, Any], url: str) -> dict[str, Any]:
    return body | {"results": [url], "result_data": [{"url": url}]}


def _distort(fault: Fault, task: Task) -> dict[str, Any]:
    """A task's body, wrong in the way of a fault."""
    body = task.as_body()
    match fault.name:
        case "unknown_status":
            return body | {"status": str(fault.options.get("status", "archived"))}
        case "completed_without_results":
            return body | {"results": [], "result_data": []}
        case "without_status":
            del body["status"]
            return body
        case "odd_link":
            return _with_link(body, body["results"][0] + '?filename="a b|{c}^é.mp4"')
        case "several_links":
            right = body["results"][0]
            dead = str(fault.options.get("url", right.rpartition("/")[0] + "/gone.mp4"))
            return body | {"results": [dead, right], "result_data": []}
        case "foreign_result":
            return _with_link(body, str(fault.options.get("url", "http://169.254.169.254/latest/meta-data/")))
        case "other_task":
            return body | {"id": str(fault.options.get("id", f"task-unified-{int(task.created)}-00000000"))}
        case _:
            return task.submitted()
