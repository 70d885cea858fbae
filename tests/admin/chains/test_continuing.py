"""The button *Continue…*: a draft that begins where the video ends, once for one press, charged once when it is sent."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile

from django_wanvideo.models import VideoTask
from django_wanvideo.services.storing import posters
from tests.admin.conftest import add_data, hidden, url
from tests.clips import clip

LABEL = "Continue…"


@pytest.fixture
def film(make_task, monkeypatch):
    """A completed task with a video, where videos can be looked into."""
    monkeypatch.setattr(posters, "is_installed", lambda: True)
    task = make_task("completed")
    task.video.save(f"{task.pk}.mp4", ContentFile(clip("red", size=(480, 360), fps=2)), save=False)
    task.save(update_fields=["video"])
    return task


def test_the_button_makes_one_draft_however_often_the_page_is_sent(admin_client, film):
    page = admin_client.get(url("change", film.pk))
    assert LABEL in page.content.decode()
    key = hidden(page, "idempotency_key")
    first, again = (
        admin_client.post(url("operate", film.pk, "continue"), {"idempotency_key": key}) for _time in range(2)
    )
    draft = film.continuations.get()
    assert first["Location"] == again["Location"] == url("change", draft.pk)
    assert (draft.owner, draft.status, draft.first_frame.width) == (admin_client.user, "draft", 480)
    # Another tab has a key of its own: it is asked, and may want a second one.
    asked = admin_client.post(url("operate", film.pk, "continue"), {"idempotency_key": "tab-2"})
    assert "You made this draft" in asked.content.decode()
    assert film.continuations.count() == 1
    another = asked.content.decode().partition('name="_another" value="')[2].partition('"')[0]
    admin_client.post(url("operate", film.pk, "continue"), {"_another": another, "idempotency_key": "tab-2"})
    assert film.continuations.count() == 2


def test_a_draft_goes_on_from_the_same_video_until_it_gets_another_picture(admin_client, film):
    draft = film.continue_with(by=admin_client.user)

    def save(**changes):
        admin_client.post(url("change", draft.pk), add_data(**changes))
        draft.refresh_from_db()
        return draft.prompt, draft.continues

    assert save(prompt="x" * 1501, first_frame_file=None) == (film.prompt, film), "refused"
    assert save(prompt="It looks up", first_frame_file=None) == ("It looks up", film)
    assert save(prompt="It looks down", model="wan2.6-image-to-video", first_frame_file=None)[1] == film
    assert save(prompt="Another one") == ("Another one", None)


def test_the_clip_itself_is_offered_where_evolink_can_read_it(admin_client, film, settings):
    assert "Continue with the clip…" not in admin_client.get(url("change", film.pk)).content.decode()
    settings.WANVIDEO = {**settings.WANVIDEO, "PUBLIC_MEDIA_BASE_URL": "https://media.example.com/"}
    assert "Continue with the clip…" in admin_client.get(url("change", film.pk)).content.decode()


def test_without_the_extra_or_the_right_to_spend_there_is_no_button(admin_client, film, person, monkeypatch):
    few = person("view_videotask", "change_videotask", "add_videotask")
    assert LABEL not in few.get(url("change", film.pk)).content.decode()
    assert few.post(url("operate", film.pk, "continue")).status_code == 403
    monkeypatch.setattr(posters, "is_installed", lambda: False)
    assert LABEL not in admin_client.get(url("change", film.pk)).content.decode()
    assert admin_client.post(url("operate", film.pk, "continue"))["Location"] == url("change", film.pk)
    assert VideoTask.objects.count() == 1
