"""Before another attempt is paid for, EvoLink is asked free of charge what became of the earlier one."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse
from django.utils import timezone

from django_wanvideo.choices import AttemptState, Charge, EventKind, TaskStatus
from django_wanvideo.evolink.exceptions import EvoLinkError, NotFoundError
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Attempt, VideoTask
from django_wanvideo.services.resolution import decisions
from django_wanvideo.services.storing import download
from django_wanvideo.services.tracking import lookup
from tests.promises import processes
from tests.promises.child import DIED
from tests.threads import at_once

if TYPE_CHECKING:
    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

pytestmark = [pytest.mark.integration, pytest.mark.fault("K1.retry-looks-before-it-pays")]

S = TaskStatus


def given_up(site: Site, code: str = "resource_not_found", *, hours: float = 0, **columns: object) -> VideoTask:
    """A task that ended here without EvoLink's own word; its attempt was sent ``hours`` ago."""
    task = site.send(site.queued())
    now = timezone.now()
    Attempt.objects.filter(task=task).update(
        state=AttemptState.FINISHED, settled_at=now, sent_at=now - dt.timedelta(hours=hours)
    )
    VideoTask.objects.filter(pk=task.pk).update(
        status=S.FAILED, error_code=code, finished_at=now, next_action_at=None, **columns
    )
    task.refresh_from_db()
    return task


def retried(site: Site, *args: object, **options: object) -> VideoTask:
    """One that a person asked to try again."""
    task = given_up(site, *args, **options)
    return task.retry()


def id_of(task: VideoTask) -> str:
    return task.attempts.get(number=1).provider_task_id


def test_a_retry_itself_asks_nobody_and_says_that_it_may_have_been_charged(site: Site, evolink: Simulator):
    task = given_up(site)
    assert task.charge == Charge.MAYBE
    with evolink.offline():
        task.retry()
    assert (task.status, task.charge) == (S.QUEUED, Charge.MAYBE)
    assert site.gets() == 0


@pytest.mark.parametrize("code", ["resource_not_found", "result_expired", "result_missing", "result_http_error"])
def test_what_evolink_still_works_on_comes_home_and_nothing_is_sent(site: Site, evolink: Simulator, code: str):
    task = retried(site, code)
    evolink.set_progress(id_of(task), 40)
    site.send(task)
    assert (task.status, task.progress) == (S.PROCESSING, 40)
    evolink.complete(id_of(task))
    site.finish(task)
    assert (task.status, site.posts(), task.attempts.count()) == (S.COMPLETED, 1, 1)
    evolink.ledger.assert_charged_once()


@pytest.mark.parametrize("hours", [0, 30])
def test_what_evolink_has_made_comes_home_and_nothing_is_sent(site: Site, evolink: Simulator, hours: float):
    task = retried(site, hours=hours)
    evolink.complete(id_of(task))
    assert site.send(task).status == S.STORING
    assert site.finish(task).status == S.COMPLETED
    assert (site.posts(), site.history(task).count(EventKind.ACCEPTED)) == (1, 1)
    evolink.ledger.assert_charged_once()


@pytest.mark.fault("K1.retry-looks-after-a-lost-answer")
@pytest.mark.parametrize("fault", ["accept_then_close", "accept_then_502", "accept_then_garbage"])
def test_one_whose_answer_was_lost_and_then_found(site: Site, evolink: Simulator, fault: str):
    """One whose answer was lost and then found is looked for as any other."""
    evolink.faults.add("create", fault)
    task = site.send(site.queued())
    assert (task.status, bool(task.attempts.get().error_code)) == (S.UNCONFIRMED, True)
    decisions.attach(task, next(iter(evolink.ledger)).task_id)
    attempt = task.attempts.get()
    assert (attempt.state, attempt.error_code, attempt.error_message) == (AttemptState.ACCEPTED, "", "")
    Attempt.objects.filter(pk=attempt.pk).update(state=AttemptState.FINISHED)
    VideoTask.objects.filter(pk=task.pk).update(status=S.FAILED, error_code="resource_not_found", next_action_at=None)
    task.refresh_from_db()
    assert task.charge == Charge.MAYBE
    task.retry()
    site.send(task)
    assert (task.status, site.posts()) == (S.PENDING, 1)
    evolink.complete(id_of(task))
    assert site.finish(task).status == S.COMPLETED
    evolink.ledger.assert_charged_once()


NO_ANSWER = ["401", "402", "429", "500", "502", "503", "close", "reset", "garbage", "html"]


@pytest.mark.parametrize(("fault", "hours"), [*((fault, 300) for fault in NO_ANSWER), ("403", 1), ("503", 1)])
def test_without_an_answer_it_waits_and_nothing_is_sent(site: Site, evolink: Simulator, fault: str, hours: float):
    task = retried(site, hours=hours)
    evolink.faults.add("get", fault, times=None)
    for _pass in range(4):
        site.make_due()
        site.send(task)
        assert (task.status, task.delay_reason, site.posts()) == (S.QUEUED, "lookup_unanswered", 1)
        assert task.delayed_until > timezone.now()
        assert task.charge == Charge.MAYBE
    evolink.faults.clear()
    evolink.complete(id_of(task))
    assert site.finish(task).status == S.COMPLETED
    assert site.posts() == 1
    evolink.ledger.assert_charged_once()


def test_an_evolink_that_hangs_or_is_gone_is_waited_for(site: Site, evolink: Simulator):
    site.configure(READ_TIMEOUT=0.3, CONNECT_TIMEOUT=0.3)
    task = retried(site, hours=300)
    evolink.faults.add("get", "hang", seconds=3)
    assert (site.send(task).status, task.delay_reason) == (S.QUEUED, "lookup_unanswered")
    with evolink.offline():
        site.make_due()
        assert (site.send(task).status, task.delay_reason) == (S.QUEUED, "lookup_unanswered")
    assert site.posts() == 1


def test_after_a_day_without_an_answer_it_fails_and_nothing_was_sent(site: Site, evolink: Simulator):
    task = retried(site)
    evolink.faults.add("get", "503", times=None)
    VideoTask.objects.filter(pk=task.pk).update(queued_at=timezone.now() - dt.timedelta(hours=25))
    site.make_due()
    site.send(task)
    assert (task.status, task.error_code, task.charge) == (S.FAILED, "lookup_failed", Charge.MAYBE)
    assert site.posts() == 1
    evolink.faults.clear()
    task.retry()
    site.send(task)
    assert (task.status, site.posts()) == (S.PENDING, 1), "it can be tried again, and looks again"


def test_an_old_one_that_evolink_does_not_know_is_sent_anew(site: Site, evolink: Simulator):
    task = retried(site, hours=27)
    evolink.faults.add("get", "404")
    site.send(task)
    assert (task.status, site.posts(), task.attempts.count()) == (S.PENDING, 2, 2)
    assert task.attempts.get(number=1).error_code == lookup.NOT_FOUND


def test_young_one_is_sent_anew_only_after_evolink(site: Site, evolink: Simulator):
    """A young one is sent anew only after EvoLink has said so for half an hour."""
    task = retried(site, hours=1)
    evolink.faults.add("get", "404", times=None)
    waits = []
    for _look in range(2):
        site.make_due()
        site.send(task)
        assert (task.status, task.delay_reason, site.posts()) == (S.QUEUED, "lookup_not_found", 1)
        waits.append((task.delayed_until - timezone.now()).total_seconds())
        site.send(task)
        assert site.gets() == _look + 1, "it is not asked about before the time"
    assert sum(waits) > 1790
    site.make_due()
    assert site.send(task).status == S.PENDING
    assert site.posts() == 2


def test_an_id_that_is_known_again_between_two_looks_comes_home(site: Site, evolink: Simulator):
    task = retried(site, hours=1)
    evolink.faults.add("get", "404", times=2)
    for _look in range(3):
        site.make_due()
        site.send(task)
    assert (task.status, site.posts()) == (S.PENDING, 1)


def test_a_gateways_404_is_no_word_of_evolink(site: Site, evolink: Simulator, monkeypatch: pytest.MonkeyPatch):
    from tests.services.tracking.helpers import gateway_page

    task = retried(site, hours=300)
    gateway_page(monkeypatch)
    site.send(task)
    assert (task.status, task.delay_reason, site.posts()) == (S.QUEUED, "lookup_unanswered", 1)


def test_what_evolink_itself_ended_is_sent_anew_without_a_question(site: Site, evolink: Simulator):
    task = site.send(site.queued())
    evolink.fail(id_of(task), "service_error")
    task.refresh()
    assert (task.status, task.charge) == (S.FAILED, Charge.NOT_EXPECTED)
    asked = site.gets()
    task.retry()
    assert task.charge == Charge.NONE
    site.send(task)
    assert (task.status, site.posts(), site.gets()) == (S.PENDING, 2, asked)


def test_one_that_evolink_ended_meanwhile_is_sent_anew_after_the_look(site: Site, evolink: Simulator):
    task = retried(site)
    evolink.fail(id_of(task), "service_error")
    site.send(task)
    assert (task.status, site.posts(), site.gets()) == (S.PENDING, 2, 1)
    assert task.attempts.get(number=1).error_code == "service_error"


def test_a_link_that_was_tried_until_its_end_is_not_tried_for_ever(site: Site, evolink: Simulator):
    task = given_up(site, "result_expired", hours=25)
    evolink.complete(id_of(task))
    link = evolink.tasks[id_of(task)]
    url = lookup.provider.read(lookup.provider.client(), id_of(task)).result_urls[0]
    assert link.id == id_of(task)
    VideoTask.objects.filter(pk=task.pk).update(
        result_url=url, result_expires_at=timezone.now() - dt.timedelta(hours=1)
    )
    task.retry()
    site.send(task)
    assert (task.status, site.posts()) == (S.PENDING, 2)
    assert task.attempts.get(number=1).error_code == lookup.NO_FILE


def test_a_fresh_link_of_an_old_one_comes_home(site: Site, evolink: Simulator):
    task = given_up(site, "result_expired", hours=25, result_url="https://files.example/old.mp4")
    VideoTask.objects.filter(pk=task.pk).update(result_expires_at=timezone.now() - dt.timedelta(hours=1))
    evolink.complete(id_of(task))
    task.retry()
    assert site.send(task).status == S.STORING
    assert site.finish(task).status == S.COMPLETED
    assert site.posts() == 1


def test_a_retry_that_is_withdrawn_leaves_what_is_known(site: Site, evolink: Simulator):
    task = retried(site)
    task.cancel()
    assert (task.status, task.charge, lookup.can_look(task)) == (S.CANCELLED, Charge.MAYBE, True)
    evolink.complete(id_of(task))
    task.refresh()
    assert (site.finish(task).status, site.posts()) == (S.COMPLETED, 1)


@pytest.mark.parametrize("point", ["in the look", "after the look"])
def test_a_worker_that_dies_between_look_and_send_has_sent_nothing(
    site_with_threads: Site, evolink: Simulator, point: str
):
    task = retried(site_with_threads, hours=27)
    evolink.faults.add("get", "404", times=None)
    status, output = processes.run("-m", "tests.promises.child", point, str(task.pk))
    assert status == DIED, output
    task.refresh_from_db()
    assert (task.status, site_with_threads.gets(), site_with_threads.posts()) == (S.QUEUED, 1, 1)
    site_with_threads.make_due()
    site_with_threads.sweep()
    task.refresh_from_db()
    assert (task.status, site_with_threads.posts(), task.attempts.count()) == (S.PENDING, 2, 2)
    assert site_with_threads.gets() == (2 if point == "in the look" else 1)


def test_workers_at_once_bring_it_home_once(site_with_threads: Site, evolink: Simulator):
    from django_wanvideo import jobs

    task = retried(site_with_threads)
    evolink.set_progress(id_of(task), 10)
    at_once(*[lambda: jobs.submit(str(task.pk))] * 4)
    task.refresh_from_db()
    assert (task.status, site_with_threads.posts(), task.attempts.count()) == (S.PROCESSING, 1, 1)
    assert road_notes(task) == ["found_at_evolink"]


def road_notes(task: VideoTask) -> list[str]:
    return list(task.events.filter(kind=EventKind.NOTE).values_list("detail__reason", flat=True))


@pytest.mark.fault("K1.look-again-is-always-offered")
class TestLookAgain:
    """``task.refresh()`` of what has ended without EvoLink's own word."""

    @pytest.mark.parametrize("end", [S.FAILED, S.CANCELLED])
    def test_what_evolink_has_comes_home_free_of_charge(self, site: Site, evolink: Simulator, end: str):
        task = given_up(site)
        VideoTask.objects.filter(pk=task.pk).update(status=end)
        task.refresh_from_db()
        evolink.set_progress(id_of(task), 60)
        assert task.refresh() is task
        assert (task.status, task.progress, task.error_code) == (S.PROCESSING, 60, "")
        evolink.complete(id_of(task))
        assert site.finish(task).status == S.COMPLETED
        assert (site.posts(), task.attempts.count()) == (1, 1)

    def test_trouble_and_a_404_are_told_and_change_nothing(self, site: Site, evolink: Simulator):
        task = given_up(site)
        evolink.faults.add("get", "503")
        evolink.faults.add("get", "404")
        with pytest.raises(EvoLinkError):
            task.refresh()
        with pytest.raises(NotFoundError):
            task.refresh()
        task.refresh_from_db()
        assert (task.status, task.error_code, lookup.can_look(task)) == (S.FAILED, "resource_not_found", True)

    def test_evolinks_own_word_is_kept_and_ends_the_questions(self, site: Site, evolink: Simulator):
        task = given_up(site)
        evolink.fail(id_of(task), "content_policy_violation", "No.")
        task.refresh()
        assert (task.status, task.error_code, task.error_message) == (S.FAILED, "content_policy_violation", "No.")
        assert not lookup.can_look(task)
        with pytest.raises(TransitionNotAllowed):
            task.refresh()

    @pytest.mark.parametrize("how", ["button", "action"])
    def test_staff_can_look_again(self, site: Site, evolink: Simulator, admin_client: Any, how: str):
        task = given_up(site)
        evolink.set_progress(id_of(task), 70)
        page = admin_client.get(reverse("admin:wanvideo_videotask_change", args=[task.pk])).content.decode()
        assert "Check with EvoLink again, free of charge" in page
        if how == "button":
            admin_client.post(reverse("admin:wanvideo_videotask_operate", args=[task.pk, "refresh"]))
        else:
            chosen = {"action": "refresh_selected", "_selected_action": [str(task.pk)]}
            admin_client.post(reverse("admin:wanvideo_videotask_changelist"), chosen)
        task.refresh_from_db()
        assert (task.status, task.progress, site.posts()) == (S.PROCESSING, 70, 1)

    def test_there_is_nothing_to_ask_about_what_was_never_accepted(self, site: Site, evolink: Simulator):
        evolink.faults.add("create", "400")
        task = site.send(site.queued())
        assert (task.status, lookup.can_look(task)) == (S.FAILED, False)
        with pytest.raises(TransitionNotAllowed):
            task.refresh()


@pytest.mark.fault("K1.fetch-result-is-free-or-refused")
def test_a_result_is_fetched_only_where_it_can_be(site: Site, evolink: Simulator):
    task = given_up(site, "result_too_large")
    assert not task.can_fetch_result
    with pytest.raises(TransitionNotAllowed):
        task.fetch_result()
    evolink.complete(id_of(task))
    url = lookup.provider.read(lookup.provider.client(), id_of(task)).result_urls[0]
    alive = timezone.now() + dt.timedelta(hours=2)
    VideoTask.objects.filter(pk=task.pk).update(result_url=url, result_expires_at=alive)
    task.refresh_from_db()
    assert task.can_fetch_result
    assert task.fetch_result() is task
    assert task.status == S.STORING
    assert site.finish(task).status == S.COMPLETED
    assert site.posts() == 1


@pytest.mark.fault("K1.fetch-result-is-free-or-refused")
def test_a_link_that_has_ended_since_the_row_was_read_is_not_fetched(site: Site, evolink: Simulator):
    alive = timezone.now() + dt.timedelta(hours=2)
    task = given_up(site, "result_too_large", result_url="https://files.example/v.mp4", result_expires_at=alive)
    VideoTask.objects.filter(pk=task.pk).update(result_expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert download.is_fetchable(task), "the row as it was read"
    with pytest.raises(TransitionNotAllowed):
        task.fetch_result()
    assert VideoTask.objects.get(pk=task.pk).status == S.FAILED
