"""The page of a check: what it says, who may see and confirm it, and that it is confirmed once."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from django_wanvideo.batches import checking, making, planning
from django_wanvideo.choices import BatchState, TaskStatus
from django_wanvideo.models import Batch, Preset, VideoTask
from tests.admin.conftest import FLASH, hidden

from .forms import LINK, MAKER, SPENDER, archive, checked, checked_table, data, good_rows, table, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def maria(person):
    """Somebody who may spend."""
    return person(*SPENDER, name="maria")


def press(client, batch, button="_drafts", *, shown=None, **changes):
    """Press a button of the page as it stands now, or as it was shown."""
    if shown is None:
        shown = hidden(client.get(url("check", batch.pk) + ("?again=1" if "again" in changes else "")), "shown")
    return client.post(url("check", batch.pk), {"shown": shown, button: "1", **changes}, follow=True)


def told(response):
    """What the page says at its head."""
    return " ".join(str(message) for message in response.context["messages"])


def make_all(batch):
    """Do the worker's part."""
    batch.refresh_from_db()
    making.make_all(batch)


def page_of(client, batch, query=""):
    """The words of a page, without its markup."""
    content = client.get(url("check", batch.pk) + query).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", content)).replace("\xa0", " ")


def test_the_page_says_what_can_be_made_and_what_is_left_out(maria):
    given = table(*good_rows(5), f"{LINK},hen,99", "no.jpg,,5")
    batch = checked(maria, table=given, prompt="A {motif} trots on")
    page = page_of(maria, batch)
    assert "5 of 7 videos can be made" in page
    assert "All 7 rows of cards.csv have been checked." in page
    assert "Row 6" in page
    assert "duration" in page
    assert "The prompt uses {motif} , which is empty in this row." in page
    assert "A fox 0 trots on" in page
    assert "A fox 3 trots on" not in page
    assert "… and 2 more" in page
    assert "Generate 5 videos for about 59.5 credits" in page
    assert "Save 5 drafts" in page
    assert "Download the 2 bad rows" in page


def test_only_the_first_hundred_bad_rows_are_shown(maria):
    batch = checked(maria, table=table(*good_rows(1), *["no.jpg,hen,5"] * 103), prompt="{motif}")
    page = page_of(maria, batch)
    assert "Row 101 " in page
    assert "Row 102 " not in page
    assert "… and 3 more, all in the download" in page
    response = maria.get(url("bad_rows", batch.pk))
    assert response["Content-Disposition"] == 'attachment; filename="autumn-postcards-problems.csv"'
    assert len(response.content.splitlines()) == 104


def test_where_no_row_is_good_there_is_nothing_to_press(maria):
    batch = checked(maria, table=table("no.jpg,hen,5"), prompt="{motif}")
    page = page_of(maria, batch)
    assert "No row can be made." in page
    assert "Generate 0" not in page
    response = press(maria, batch, "_generate")
    assert "nothing was made or sent" in told(response)
    assert Batch.objects.get().state == BatchState.CHECKED


def test_what_is_odd_about_the_table_as_a_whole_is_said(maria):
    given = SimpleUploadedFile("t.csv", f"first_frame,promt\n{LINK},x\n".encode())
    page = page_of(maria, checked(maria, table=given, prompt="A fox"))
    assert "About the table as a whole" in page
    assert "promt" in page


def test_many_rows_ask_the_database_no_more(maria, django_assert_max_num_queries):
    few, many = checked_table(maria, 2), checked_table(maria, 200, motif="owl")
    for batch in (few, many):
        with django_assert_max_num_queries(12):
            maria.get(url("check", batch.pk))


def test_a_check_is_its_owners(maria, person, admin_client):
    batch = checked_table(maria)
    tom = person(*SPENDER)
    assert tom.get(url("check", batch.pk)).status_code == 404
    assert tom.post(url("check", batch.pk), {"_drafts": "1"}).status_code == 404
    assert tom.get(url("bad_rows", batch.pk)).status_code == 404
    assert admin_client.get(url("check", batch.pk)).status_code == 200
    assert person("submit_videotask").get(url("check", batch.pk)).status_code == 403
    assert tom.get(url("check", data()["batch"])).status_code == 404


def test_drafts_are_made_and_nothing_is_sent(maria, wakes):
    batch = checked_table(maria)
    response = press(maria, batch)
    assert "3 drafts are made one after the other" in told(response)
    assert response.request["PATH_INFO"] == url("change", batch.pk)
    make_all(batch)
    assert [task.status for task in batch.tasks.all()] == [TaskStatus.DRAFT] * 3
    assert batch.operation == ""
    assert {task.owner for task in batch.tasks.all()} == {maria.user}


def test_generating_takes_the_permission_to_spend(person):
    tom = person(*MAKER)
    batch = checked_table(tom)
    page = page_of(tom, batch)
    assert "Generate 3 videos" not in page
    assert "Save 3 drafts" in page
    assert press(tom, batch, "_generate").status_code == 403
    batch.refresh_from_db()
    assert batch.state == BatchState.CHECKED


def test_generating_says_who_pressed(maria):
    batch = checked_table(maria)
    press(maria, batch, "_generate")
    batch.refresh_from_db()
    assert (batch.state, batch.operation) == (BatchState.CREATING, "submit")
    assert batch.submitted_by == maria.user


def test_a_second_press_another_tab_and_back_make_nothing_twice(maria):
    batch = checked_table(maria)
    shown = hidden(maria.get(url("check", batch.pk)), "shown")
    press(maria, batch, "_generate", shown=shown)
    make_all(batch)
    for button in ("_generate", "_drafts", "_check"):
        response = press(maria, batch, button, shown=shown)
        assert "This check was confirmed at" in told(response)
        assert response.request["PATH_INFO"] == url("change", batch.pk)
    response = maria.get(url("check", batch.pk), follow=True)
    assert "nothing was made a second time" in told(response)
    response = maria.post(url("add"), data("table", batch=str(batch.pk), table=table(*good_rows())), follow=True)
    assert "This check was confirmed at" in told(response)
    assert VideoTask.objects.count() == 3


def test_two_presses_at_once_confirm_once(maria):
    batch = checked_table(maria)
    first, second = Batch.objects.get(pk=batch.pk), Batch.objects.get(pk=batch.pk)
    checking.confirm(first, by=maria.user)
    with pytest.raises(checking.TransitionNotAllowed, match="confirmed before"):
        checking.confirm(second, by=maria.user, submit=True)
    batch.refresh_from_db()
    assert batch.operation == ""
    assert batch.events.count() == 1


def test_what_was_checked_again_in_another_tab_is_not_confirmed_unseen(maria):
    batch = checked_table(maria)
    old = hidden(maria.get(url("check", batch.pk)), "shown")
    seen = Batch.objects.get(pk=batch.pk)
    checking.check(Batch.objects.get(pk=batch.pk))
    response = press(maria, batch, "_generate", shown=old)
    assert "This was checked again meanwhile." in told(response)
    with pytest.raises(checking.TransitionNotAllowed):
        checking.confirm(seen, by=maria.user)
    batch.refresh_from_db()
    assert batch.state == BatchState.CHECKED


def test_a_changed_price_list_is_checked_anew_and_the_difference_shown(maria, monkeypatch):
    batch = checked_table(maria)
    shown = hidden(maria.get(url("check", batch.pk)), "shown")
    estimate, terms = checking.rows.catalog.estimate, planning.terms
    monkeypatch.setattr(checking.rows.catalog, "estimate", lambda *args: estimate(*args) * 2)
    monkeypatch.setattr(planning, "terms", lambda *args: terms(*args)[::-1])
    response = press(maria, batch, "_generate", shown=shown)
    words = told(response).replace("\xa0", " ")
    assert "Prices, limits or the preset have changed" in words
    assert "Before: 3 videos for about 35.70 credits. Now: 3 videos for about 71.40 credits." in words
    batch.refresh_from_db()
    assert batch.state == BatchState.CHECKED
    press(maria, batch, "_generate")
    batch.refresh_from_db()
    assert batch.state == BatchState.CREATING


def test_changed_limits_and_presets_are_checked_anew(maria, settings):
    preset = Preset.objects.create(name="S", slug="s", model=FLASH, prompt="A {motif}", owner=maria.user)
    batch = checked_table(maria, preset="s", shown_preset="s")
    settings.WANVIDEO = {**settings.WANVIDEO, "CREDIT_LIMITS": {"site": {"day": 20}}}
    assert "have changed" in told(press(maria, batch))
    preset.prompt = "Another {motif}"
    preset.save()
    assert "have changed" in told(press(maria, batch))
    preset.delete()
    assert "have changed" in told(press(maria, batch))
    assert "3 drafts" in told(press(maria, batch))


def test_the_page_says_what_limits_are_taken_and_what_waits(maria, settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "CREDIT_LIMITS": {"site": {"day": 25}, "user": {"month": 1000}}}
    page = page_of(maria, checked_table(maria))
    assert "2 of 3 fit into today’s credit limits." in page
    assert "143 %" in page
    assert "Of this site’s limit of 25 credits a day, 0.00 are used; with these about 35.70." in page
    assert "Of the owner’s limit of 1,000 credits a month" in page or "limit of 1000 credits a month" in page


def test_the_time_counts_on_videos_made_so_far(maria, make_task, settings):
    batch = checked_table(maria)
    assert "no estimate yet" in page_of(maria, batch)
    now = timezone.now()
    VideoTask.objects.bulk_create(
        VideoTask(
            model=FLASH, prompt="x", status="completed", accepted_at=now, finished_at=now + dt.timedelta(seconds=100)
        )
        for _number in range(20)
    )
    settings.WANVIDEO = {**settings.WANVIDEO, "MAX_IN_FLIGHT": 2}
    page = page_of(maria, batch)
    assert "≈ 4 min" in page
    assert "2 at a time, 2 min each" in page


def test_what_was_made_before_is_left_out_unless_it_is_wanted_again(maria):
    first = checked_table(maria)
    press(maria, first)
    make_all(first)
    batch = checked_table(maria, 4)
    page = page_of(maria, batch)
    assert "Some of these were made before." in page
    assert "3 rows were made before and are left out" in page
    assert "Save 1 draft" in page
    assert "Save 4 drafts" in page_of(maria, batch, "?again=1")
    shown = hidden(maria.get(url("check", batch.pk)), "shown")
    response = press(maria, batch, shown=shown, again="1")
    assert "You changed the selection." in told(response)
    assert response.request["QUERY_STRING"] == "again=1"
    assert Batch.objects.get(pk=batch.pk).state == BatchState.CHECKED
    press(maria, batch, again="1")
    make_all(batch)
    assert batch.tasks.count() == 4


def test_the_same_file_names_the_batch_that_it_was_given_for(maria, person):
    first = checked_table(maria)
    press(maria, first)
    make_all(first)
    batch = checked_table(maria)
    response = maria.get(url("check", batch.pk))
    page = response.content.decode()
    assert "This was given before." in page
    assert "maria made 3 videos from the same on" in page
    assert url("change", first.pk) in page
    tom = person("add_batch", "add_videotask")
    page = page_of(tom, checked_table(tom))
    assert "This was given before." not in page
    assert "All of these rows were made before." in page


def test_the_same_pictures_are_known_however_they_come(maria):
    first = checked(maria, "pictures", pictures=archive("fox.jpg", "owl.jpg"))
    second = checked(maria, "pictures", pictures=archive("owl2.jpg", "fox2.jpg"))
    assert first.source_sha256 == second.source_sha256
    assert checked(maria, "pictures", pictures=archive("fox.jpg")).source_sha256 != first.source_sha256


def test_rows_made_by_another_check_are_not_made_again(maria):
    """Rows that another check has made meanwhile are not made again unseen."""
    first, second = checked_table(maria), checked_table(maria)
    assert first.pk != second.pk
    press(maria, first)
    # Told to, but not made yet.
    response = press(maria, second)
    assert "Some of these rows have been made since" in told(response)
    make_all(first)
    response = press(maria, second)
    assert VideoTask.objects.count() == 3
    assert Batch.objects.get(pk=second.pk).state == BatchState.CHECKED
    assert "3 rows were made before" in page_of(maria, second)


def test_takes_are_never_taken_for_a_repetition(maria):
    given = {"way": "takes", "prompt": "A fox", "first_frame_url": LINK, "takes": "3"}
    for _turn in range(2):
        batch = checked(maria, **given)
        assert "were made before" not in page_of(maria, batch)
        press(maria, batch)
        make_all(batch)
    assert VideoTask.objects.count() == 6


def test_a_check_that_is_too_old_is_made_again(maria):
    batch = checked_table(maria)
    shown = hidden(maria.get(url("check", batch.pk)), "shown")
    Batch.objects.filter(pk=batch.pk).update(expires_at=timezone.now() - dt.timedelta(minutes=1))
    page = page_of(maria, batch)
    assert "This check is older than a day, and prices may have changed." in page
    assert "Save 3 drafts" not in page
    press(maria, batch, shown=shown)
    assert "older than a day" in told(press(maria, batch))
    press(maria, batch, "_check")
    assert "Save 3 drafts" in page_of(maria, batch)


def test_who_may_not_look_at_videos_is_led_to_no_page_of_them(person):
    tom = person("add_batch", "add_videotask")
    response = press(tom, checked_table(tom))
    assert response.request["PATH_INFO"] == "/admin/"


def test_the_page_of_a_batch_that_is_not_confirmed_is_its_check(maria):
    batch = checked_table(maria)
    assert maria.get(url("change", batch.pk))["Location"] == url("check", batch.pk)


def test_words_from_a_table_are_words_and_no_markup(maria):
    given = SimpleUploadedFile("<b>.csv", f"first_frame,prompt,duration\n{LINK},<i>x</i>,5\n{LINK},x,<u>5\n".encode())
    batch = checked(maria, table=given)
    page = maria.get(url("check", batch.pk)).content.decode()
    assert "&lt;i&gt;x" in page
    assert "&lt;u&gt;5" in page
    assert "<u>5" not in page
