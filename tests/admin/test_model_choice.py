"""Choosing another model: its settings are shown before anything is made of what was typed."""

from __future__ import annotations

from django_wanvideo.models import VideoTask
from tests.admin.conftest import FLASH, add_data, hidden, picture, url

TEXT = "wan2.6-text-to-video"


def test_what_was_typed_for_one_model_is_not_sent_to_another_unseen(boss):
    data = add_data(model=TEXT, shown_model=FLASH, _save=None, _generate="1")
    page = boss.post(url("add"), data)
    assert page.status_code == 200
    assert "aspect_ratio" in page.context["adminform"].form.fields
    assert "errornote" not in page.content.decode()
    assert "A fox trots on" in page.content.decode()
    assert VideoTask.objects.count() == 0


def test_settings_that_are_new_stand_at_their_defaults(boss):
    data = {"model": FLASH, "shown_model": TEXT, "prompt": "x", "duration": "7", "quality": "1080p", "_model": "1"}
    form = boss.post(url("add"), data).context["adminform"].form
    assert form["generate_audio"].value() is True
    assert (form["duration"].value(), form["quality"].value()) == ("7", "1080p")


def test_the_picture_survives_a_model_that_takes_none(boss):
    there = boss.post(url("add"), add_data(model=TEXT, shown_model=FLASH, _model="1", first_frame_file=picture()))
    token = hidden(there, "first_frame_kept")
    assert token
    data = add_data(first_frame_file=None, first_frame_kept=token, shown_model=TEXT, _model="1")
    back = boss.post(url("add"), data)
    assert "Preview of fox.jpg" in back.content.decode()
    accepted = boss.post(url("add"), add_data(first_frame_file=None, first_frame_kept=token, shown_model=FLASH))
    assert accepted.status_code == 302


def test_a_draft_can_be_moved_to_another_model(boss, make_task):
    task = make_task()
    data = {"model": TEXT, "shown_model": TEXT, "prompt": "x", "duration": "5", "quality": "720p", "_save": "1"}
    page = boss.post(url("change", task.pk), data)
    task.refresh_from_db()
    assert (page.status_code, task.model) == (302, TEXT)
