"""Answers that are a little wrong, on the whole road: what was paid for comes home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from django_wanvideo.choices import TaskStatus
from django_wanvideo.evolink import client
from django_wanvideo.evolink.transport import HttpResult

if TYPE_CHECKING:
    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

pytestmark = pytest.mark.integration


def distort(monkeypatch: pytest.MonkeyPatch, method: str, change: Any) -> None:
    """Let something change the bodies of EvoLink's answers to calls of one method."""
    perform = client.perform

    def changed(session: Any, call: Any, *rest: Any) -> Any:
        answer = perform(session, call, *rest)
        return HttpResult(answer.status, answer.headers, change(answer.body)) if call.method == method else answer

    monkeypatch.setattr(client, "perform", changed)


@pytest.mark.fault("K6.one-bad-byte")
@pytest.mark.parametrize(
    "change",
    [lambda body: body[:1] + b'"note":"caf\xe9",' + body[1:], lambda body: body + b"\n<!-- edge-7 -->"],
    ids=["a byte that is not UTF-8", "something behind it"],
)
def test_an_acceptance_with_something_odd_in_it_is_followed_to_its_video(
    site: Site, evolink: Simulator, monkeypatch: pytest.MonkeyPatch, change: Any
):
    distort(monkeypatch, "POST", change)
    task = site.send(site.queued())
    assert (task.status, task.attempts.get().provider_task_id) == (TaskStatus.PENDING, evolink.tasks.latest.id)
    evolink.complete(evolink.tasks.latest.id)
    site.finish(task)
    assert task.status == TaskStatus.COMPLETED
    evolink.ledger.assert_charged_once()


@pytest.mark.fault("K6.one-bad-byte")
@pytest.mark.parametrize("fault", ["bad_byte", "odd_link", "several_links", "without_status"])
def test_a_finished_task_that_is_told_oddly_comes_home(site: Site, evolink: Simulator, fault: str):
    task = site.send(site.queued())
    evolink.complete(evolink.tasks.latest.id)
    evolink.faults.add("get", fault, times=None)
    site.finish(task)
    assert task.status == TaskStatus.COMPLETED
    evolink.ledger.assert_charged_once()
