"""The history in words: one for each thing that happens, the same things in a row as one line."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from django_wanvideo.admin.presentation import history
from django_wanvideo.choices import EventKind, EventSource, TaskStatus
from django_wanvideo.models import TaskEvent

K = EventKind
pytestmark = pytest.mark.django_db

#: By kind and detail, without a person.
SENTENCES = [
    (K.CREATED, {}, "The draft was made."),
    (K.QUEUED, {}, "It was queued."),
    (K.CLAIMED, {}, "Request sent."),
    (K.WAITING, {"reason": "max_in_flight"}, "Waiting until others are done."),
    (K.WAITING, {"reason": "no_such_reason"}, "Postponed."),
    (K.RELEASED, {}, "Nothing had been sent yet, so it went back into the queue."),
    (K.ACCEPTED, {"credits_reserved": "6.0000"}, "EvoLink accepted the request and reserved 6.00 credits."),
    (K.ACCEPTED, {"credits_reserved": "x"}, "EvoLink accepted the request."),
    (K.ACCEPTED, {}, "EvoLink accepted the request."),
    (K.UNCONFIRMED, {}, "EvoLink’s answer was lost. We do not know whether it accepted the request."),
    (K.PROGRESS, {}, "EvoLink is making the video."),
    (K.GENERATED, {}, "EvoLink has finished. Copying the file has started."),
    (K.STORE_FAILED, {"reason": "timeout"}, "Copying the file failed; it will be tried again."),
    (K.LINK_EXPIRING, {}, "EvoLink’s link ends soon and the file is not copied yet."),
    (K.STORED, {"size": 1_500_000}, "Video stored: 1.5\N{NO-BREAK SPACE}MB, complete and checked."),
    (K.FAILED, {"code": "insufficient_quota"}, "The EvoLink credits are used up."),
    (K.FAILED, {}, "Unknown reason."),
    (K.CANCELLED, {}, "EvoLink cancelled it."),
    (
        K.NOTE,
        {"reason": "found_at_evolink"},
        "EvoLink still has the earlier request, which goes on; nothing new was sent.",
    ),
    (
        K.NOTE,
        {"reason": "looked_first", "code": "not_found"},
        "EvoLink was asked about the earlier request and does not know it any more.",
    ),
    (
        K.NOTE,
        {"reason": "looked_first", "code": "no_file"},
        "EvoLink was asked about the earlier request and has no file of it any more.",
    ),
    (
        K.NOTE,
        {"reason": "looked_again", "code": "service_error"},
        "EvoLink was asked about the earlier request and says that it ended without a video.",
    ),
    (K.NOTE, {}, "Note."),
    (K.RETRIED, {"reason": "look_again"}, "The site’s code asked EvoLink about it again."),
    (K.RETRIED, {}, "The site’s code asked to try it again."),
    (K.OVERDUE, {}, "It is taking much longer than EvoLink said. We keep checking."),
    (K.NEEDS_DECISION, {}, "EvoLink did not confirm the request in time. Somebody has to decide."),
    (
        K.NEEDS_DECISION,
        {"reason": "result_came_after_all"},
        "EvoLink made the video after all. It can still be fetched.",
    ),
    (
        K.NEEDS_DECISION,
        {"reason": "result_missing"},
        "EvoLink says the video is done but gives no file. We keep checking for a day.",
    ),
    (K.RESOLVED, {"decision": "not_accepted"}, "The site’s code decided: it was not accepted."),
    (K.RESOLVED, {"decision": "send_again"}, "The site’s code decided to send it again."),
    (K.RESOLVED, {}, "The site’s code decided."),
    (K.CALLBACK, {}, "EvoLink called back. We check the status with EvoLink ourselves."),
    (
        K.CALLBACK,
        {"reason": "older_than_attempt", "provider_task_id": "task-unified-1"},
        "EvoLink called back for task-unified-1, which seems older than our request.",
    ),
    (
        K.DUPLICATE,
        {},
        "EvoLink made, and charged, a second video for this. It is kept as a task of its own.",
    ),
    (
        K.RECEIVER_FAILED,
        {"receiver": "shop.tell"},
        "The site’s own code failed when it was notified: shop.tell.",
    ),
    (K.PICKED, {}, "The site’s code picked this take."),
    (
        K.APPROVAL_REQUESTED,
        {"credits": "59.6190", "limit": "50.0000"},
        "The site’s code asked for approval: about 59.62 credits, more than 50.",
    ),
    (K.APPROVED, {"credits": "59.6190"}, "The site’s code approved it: about 59.62 credits."),
    (K.NOTE, {"reason": "withdrawn"}, "The site’s code withdrew the request for approval."),
    (K.SENT_BACK, {"note": "Too long."}, "The site’s code sent it back: “Too long.”"),
    (
        K.NOTE,
        {"reason": "approval_void"},
        "It was changed, or costs something else now, so its approval has to be asked for again.",
    ),
]


@pytest.fixture
def happen(make_task):
    """Let something happen to one task; returns the event."""
    task = make_task("completed")

    def make(kind, detail=(), **columns):
        return TaskEvent.objects.create(
            task=task, kind=kind, detail=dict(detail), **{"source": EventSource.WORKER} | columns
        )

    return make


@pytest.mark.parametrize(("kind", "detail", "words"), SENTENCES, ids=[f"{row[0]}-{row[1]}" for row in SENTENCES])
def test_everything_that_happens_has_its_sentence(happen, kind, detail, words):
    assert history.sentence(happen(kind, detail)) == words


def test_no_kind_is_without_a_sentence_of_its_own():
    assert {kind for kind, _detail, _words in SENTENCES} >= set(K) - {K.NOTE}


@pytest.mark.parametrize(
    ("kind", "detail", "columns", "words"),
    [
        (K.CREATED, {}, {}, "Maria Vega saved the draft."),
        (K.QUEUED, {}, {}, "Maria Vega pressed Generate."),
        (K.CANCELLED, {}, {}, "Maria Vega cancelled it."),
        (K.RETRIED, {}, {}, "Maria Vega asked to try it again."),
        (K.RETRIED, {}, {"to_status": TaskStatus.STORING}, "Maria Vega asked to fetch the file again."),
        (
            K.RESOLVED,
            {"decision": "attached"},
            {},
            "Maria Vega decided: it was accepted, and attached EvoLink’s video.",
        ),
    ],
)
def test_who_did_it_is_named(happen, django_user_model, kind, detail, columns, words):
    maria = django_user_model.objects.create_user("maria", first_name="Maria", last_name="Vega")
    assert history.sentence(happen(kind, detail, actor=maria, **columns)) == words


def test_same_in_row_is_one_line_and_something_else(happen):
    """The same in a row is one line and something else between makes two."""
    now = timezone.now()
    events = [happen(K.PROGRESS, created_at=now + dt.timedelta(seconds=number)) for number in range(3)]
    events += [happen(K.CALLBACK), happen(K.CALLBACK, {"reason": "older_than_attempt", "provider_task_id": "x"})]
    events += [happen(K.PROGRESS)]
    lines = history.lines(events, now)
    assert [line.icon for line in lines] == ["processing", "callback", "callback", "processing"]
    assert lines[-1].sub.startswith("3 times")


def test_what_is_evolinks_own_business_is_not_shown(happen):
    (line,) = history.lines([happen(K.ACCEPTED, {"request_id": "r-1", "provider_task_id": "t-1", "estimated": 20})])
    assert line.raw == '{\n  "estimated": 20\n}'


def test_what_happened_on_another_day_has_its_day(happen):
    event = happen(K.CREATED, created_at=timezone.now() - dt.timedelta(days=3))
    (line,) = history.lines([event], timezone.now())
    assert any(character.isalpha() for character in line.time)
