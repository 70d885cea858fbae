"""Generating all that match, on every page: bounded work, and each task once, whatever is pressed how often.

``WANVIDEO_TEST_BULK`` is the number of tasks, sent in the site's own steps; 5000 is the most that can be sent at a time.
Unset, there are 120 and shorter steps, three of them. ``--log-cli-level=INFO`` shows what was measured.
"""

from __future__ import annotations

import logging
import math
import os
import re
import time
import tracemalloc
from collections import Counter

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.db import connection, reset_queries
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_wanvideo import queue
from django_wanvideo.admin.views import bulk_submit
from django_wanvideo.choices import EventKind
from django_wanvideo.models import MediaInput, TaskEvent, VideoTask
from tests.admin.conftest import FLASH, hidden, url
from tests.threads import at_once

logger = logging.getLogger(__name__)
pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

#: Taken before the fixture ``wakes`` puts another one in its place.
REAL_ENQUEUE = queue.enqueue
COUNT = int(os.environ.get("WANVIDEO_TEST_BULK") or 120)
#: Queries of a step beside those for each task: session, user, permissions, nonce, the tasks and their inputs, the log.
PER_STEP = 30
#: Status, what is there now and its inputs (what was shown is compared with them), status again where it is moved,
#: update, event, and the begin and end of the transaction and of the one around it. More would grow with the tasks.
PER_TASK = 10
#: Bytes that a page may hold at its fullest, whatever the number of tasks; a step holds ``STEP`` tasks.
MOST_BYTES = 8_000_000


@pytest.fixture
def drafts(monkeypatch):
    """That many drafts with a link as their picture."""
    if not os.environ.get("WANVIDEO_TEST_BULK"):
        monkeypatch.setattr(bulk_submit, "STEP", 45)
    tasks = VideoTask.objects.bulk_create(
        [
            VideoTask(model=FLASH, prompt=f"A fox trots on, number {number}", parameters={"duration": 5})
            for number in range(COUNT)
        ],
        batch_size=500,
    )
    frames = [MediaInput(task=task, url="https://pictures.example/fox.jpg") for task in tasks]
    MediaInput.objects.bulk_create(frames, batch_size=500)
    return tasks


class Measured:
    """Queries, seconds, and, which makes it slow, the most bytes that were held at a time."""

    bytes = 0

    def __init__(self, *, memory=False):
        self.memory = memory

    def __enter__(self):
        if self.memory:
            tracemalloc.start()
        # Django remembers the last 9,000 only, and counts by the length of what it remembers.
        reset_queries()
        self.captured = CaptureQueriesContext(connection)
        self.captured.__enter__()
        self.began = time.perf_counter()
        return self

    def __exit__(self, *error):
        self.seconds = time.perf_counter() - self.began
        self.captured.__exit__(*error)
        self.queries = len(self.captured)
        if self.memory:
            # The log of queries is this test's own doing.
            log = sum(len(query["sql"]) for query in self.captured.captured_queries)
            self.bytes = tracemalloc.get_traced_memory()[1] - log
            tracemalloc.stop()

    def __str__(self):
        what = f"at most {self.bytes / 1e6:.1f} MB" if self.memory else f"{self.seconds:.2f} s"
        return f"{self.queries} queries, {what}"


def choose(client, across="1"):
    """Press "Select all that match, on every page", or tick one task, and Run; the page that follows."""
    one = VideoTask.objects.first()
    data = {"action": "submit_selected", "select_across": across, "_selected_action": [str(one.pk)]}
    return client.post(url("changelist"), data, follow=True)


def press(client, page):
    """Press the button of a plan's page; the page that follows."""
    data = {name: hidden(page, name) for name in ("plan", "at") if hidden(page, name)}
    return client.post(url("send"), data, follow=True)


def goes_on(page):
    """Whether there is more to send."""
    return bool(hidden(page, "plan"))


def sent():
    """How often each task was put into the queue."""
    return Counter(TaskEvent.objects.filter(kind=EventKind.QUEUED).values_list("task_id", flat=True))


@pytest.mark.commit_only
def test_all_that_match_are_sent_once_in_bounded_steps(admin_client, drafts, wakes):
    choose(admin_client, across="0")  # what every first page of a process costs: modules and templates
    with Measured() as planning:
        page = choose(admin_client)
    with Measured(memory=True) as held:
        choose(admin_client)
    logger.info("page of %s tasks: %s; %s; it carries %s bytes", COUNT, planning, held, len(hidden(page, "plan")))
    assert f"Generate {COUNT} videos" in page.content.decode()
    assert len(re.findall("<tr", page.content.decode())) < COUNT
    # Making the plan and showing it are two requests.
    assert planning.queries <= 2 * PER_STEP + 2 * math.ceil(COUNT / bulk_submit.CHUNK)
    assert held.bytes < MOST_BYTES

    answer, steps = page, 0
    while goes_on(answer):
        before = sum(sent().values())
        with Measured(memory=steps == 0) as step:
            answer = press(admin_client, answer)
        steps += 1
        done = sum(sent().values()) - before
        logger.info("step %s of %s tasks: %s", steps, done, step)
        assert done <= bulk_submit.STEP
        assert step.queries <= PER_STEP + PER_TASK * done
        assert step.bytes < MOST_BYTES
        if goes_on(answer):
            assert f"{steps * bulk_submit.STEP} of {COUNT} are sent" in answer.content.decode()
            assert 'role="status"' in answer.content.decode()

    assert steps == math.ceil(COUNT / bulk_submit.STEP)
    assert [str(message) for message in get_messages(answer.wsgi_request)] == [f"{COUNT} videos will be generated."]
    assert set(sent().values()) == {1}
    assert len(sent()) == COUNT
    assert len(wakes) == len(set(wakes)) == COUNT
    assert LogEntry.objects.count() == COUNT


def test_two_tabs_double_clicks_and_a_reload_send_each_task_once(admin_client, drafts, wakes):
    tabs = [choose(admin_client) for _tab in range(2)]
    sessions = [Client() for _click in range(6)]
    for session in sessions:
        session.cookies = admin_client.cookies
    pages, refused = [*tabs, *tabs, *tabs], []
    while any(goes_on(page) for page in pages):
        clicks = [(session, page) for session, page in zip(sessions, pages, strict=True) if goes_on(page)]
        answers = at_once(
            *(lambda session=session, page=page: press(session, page) for session, page in clicks), seconds=120
        )
        refused += [answer.content.decode() for answer in answers]
        following = dict(zip((session for session, _page in clicks), answers, strict=True))
        pages = [following.get(session, page) for session, page in zip(sessions, pages, strict=True)]
    assert set(sent().values()) == {1}
    assert len(sent()) == COUNT
    assert len(wakes) == COUNT
    assert any("sent already" in words for words in refused)


@pytest.mark.commit_only
def test_waking_workers_takes_one_round_trip_for_each_task(drafts, redis_queue, monkeypatch):
    monkeypatch.setattr(queue.jobs, "enqueue", REAL_ENQUEUE)
    queue.reset()
    trips = []
    pool = queue.connection.get_redis(queue.connection.REDIS_TIMEOUT).connection_pool
    sending = pool.connection_class.send_packed_command

    def send(self, command, *args, **kwargs):
        trips.append(1)
        return sending(self, command, *args, **kwargs)

    ids = [str(task.pk) for task in drafts[: bulk_submit.STEP]]
    assert queue.enqueue("submit", ids[0])
    monkeypatch.setattr(pool.connection_class, "send_packed_command", send)
    began = time.perf_counter()
    assert all(queue.enqueue("submit", task_id) for task_id in ids)
    took = time.perf_counter() - began
    logger.info("%s wake-ups: %.2f ms each, %s round trips", len(ids), 1000 * took / len(ids), len(trips))
    assert len(trips) == len(ids)
    assert redis_queue.count == len(ids) + 1
    queue.reset()
