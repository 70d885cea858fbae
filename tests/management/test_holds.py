"""Pausing and resuming from the command line, and what the doctor says of it."""

from __future__ import annotations

import json

import pytest

from django_wanvideo.evolink.exceptions import RejectedError
from django_wanvideo.health import CHECKS
from django_wanvideo.services.holds import account, holds
from tests.factories import make_task

pytestmark = [pytest.mark.django_db, pytest.mark.fault("K4.commands")]

ONLY_SENDING = [word for name in CHECKS if name != "sending" for word in ("--skip", name)]


def used_up():
    return RejectedError("Insufficient quota.", http_status=402, code="insufficient_quota")


def test_a_pause_is_made_with_a_reason_and_ended(run):
    make_task("queued", credits_estimated=6)
    made = run("wanvideo_pause", "--reason", "Budget review")
    assert "Sending is paused." in made.out
    assert "1 task" in made.out
    [hold] = holds.standing()
    assert (hold.kind, hold.detail["reason"]) == ("person", "Budget review")
    assert "already" in run("wanvideo_pause").out
    assert run("wanvideo_resume").out.strip() == "Sending goes on."
    assert holds.standing() == []


def test_resuming_says_what_still_holds_sending_back(run):
    account.note(used_up())
    run("wanvideo_pause")
    out = run("wanvideo_resume").out
    assert "no credits" in out
    assert "One task is tried now" in out
    assert [hold.kind for hold in holds.standing()] == ["account"]


def test_doctor_shows_each_hold_with_since_how_many(run):
    """The doctor shows each hold with since how many wait and who can act."""
    for _number in range(3):
        make_task("queued", credits_estimated=6)
    assert "ok    sending" in run("wanvideo_doctor", *ONLY_SENDING).out
    run("wanvideo_pause", "--reason", "Budget review")
    paused = run("wanvideo_doctor", *ONLY_SENDING)
    assert (paused.code, "warn  sending" in paused.out) == (0, True)
    account.note(used_up())
    ran = run("wanvideo_doctor", "--json", *ONLY_SENDING)
    report = json.loads(ran.out)
    assert ran.code == 1
    assert [hold["kind"] for hold in report["holds"]] == ["person", "account"]
    for hold in report["holds"]:
        assert (hold["waiting"], hold["credits"]) == (3, "18.00")
        assert hold["since"]
        assert hold["who_can_act"]
    assert [finding["level"] for finding in report["checks"]] == ["warn", "fail"]
    assert all("3 tasks" in finding["message"] for finding in report["checks"])
