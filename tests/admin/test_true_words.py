"""Pages say only what is true of the status that the task has."""

from __future__ import annotations

import re

import pytest
from django.utils.html import strip_tags

from django_wanvideo.admin.presentation import names
from django_wanvideo.models import VideoTask
from django_wanvideo.services.holds import pause
from tests.admin.conftest import add_data, hidden, store, url

TRUE = pytest.mark.fault("K12.draft-or-unconfirmed-promises-a-video")
NAMES = pytest.mark.fault("K12.downloads-are-called-by-uuid")
SESSION = pytest.mark.fault("K12.session-ends-while-the-form-is-filled")


def text_of(client, task):
    page = client.get(url("change", task.pk)).content.decode()
    return re.sub(r"\s+", " ", strip_tags(page.partition('id="content"')[2]))


@TRUE
@pytest.mark.parametrize("status", ["draft", "queued", "submitting", "unconfirmed", "pending", "processing", "storing"])
def test_only_what_is_at_evolink_is_promised(person, make_task, status):
    reader = person("view_videotask")
    text = text_of(reader, make_task(status))
    assert ("The video appears in the list" in text) is (status in {"pending", "processing", "storing"})
    assert ("EvoLink cannot stop" in text) is (status in {"pending", "processing"})
    assert ("You can leave this page" in text) is (status != "draft")
    assert ("There may be no video" in text) is (status == "unconfirmed")


@TRUE
def test_a_task_that_is_kept_back_is_not_said_to_be_on_its_way(admin_client):
    pause.pause(by=admin_client.user, reason="")
    data = add_data(_generate="1", _save=None, idempotency_key=hidden(admin_client.get(url("add")), "idempotency_key"))
    page = admin_client.post(url("add"), data, follow=True).content.decode()
    assert VideoTask.objects.get().status == "queued"
    message = re.search(r'class="messagelist".*?</ul>', page, re.S)[0]
    assert "sending is paused" in message.lower()
    assert "On its way" not in message


@NAMES
@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("A fox trots on", "a-fox-trots-on"),
        ("  Über die Brücke: größer/schöner…\\  ", "ueber-die-bruecke-groesserschoener"),
        ("Café à Łódź, smørrebrød", "cafe-a-lodz-smorrebrod"),
        ("猫がピアノを弾く", "猫がピアノを弾く"),
        ("日本 in 4K: Ночь, тихо", "日本-in-4k-ночь-тихо"),
        ("बिल्ली ❤️ पियानो", "बिल्ली-पियानो"),
        ("แมวเล่นเปียโน ที่บ้าน", "แมวเล่นเปียโน-ที่บ้าน"),
        ("🦊🦊 !!!", "video"),
        ("../../etc/passwd\r\n\"x\"", "etcpasswd-x"),
        ("word " * 40, "-".join(["word"] * 12)),
        ("x" * 500, "x" * 60),
    ],
)  # fmt: skip
def test_a_download_is_called_by_its_prompt_and_a_short_id(admin_client, make_task, prompt, name):
    task = make_task("completed")
    VideoTask.objects.filter(pk=task.pk).update(prompt=prompt)
    task.refresh_from_db()
    store(task, b"video")
    expected = f"{name}-{task.pk.hex[:8]}.mp4"
    assert names.of_video(task) == expected
    assert f'download="{expected}"' in admin_client.get(url("change", task.pk)).content.decode()


@SESSION
def test_page_can_ask_whether_somebody_is_signed(admin_client, client):
    """The page can ask whether somebody is signed in and for the token of now."""
    answer = admin_client.get(url("price") + "?session=1")
    assert answer.json()["token"]
    assert "no-store" in answer["Cache-Control"]
    assert client.get(url("price") + "?session=1").status_code == 302


@SESSION
def test_token_of_before_signing_in_again(admin_client, make_task):
    """A token of before signing in again does not count but the answered one does."""
    from django.test import Client

    browser = Client(enforce_csrf_checks=True)
    browser.force_login(admin_client.user)
    old = hidden(browser.get(url("add")), "csrfmiddlewaretoken") or re.search(
        r'csrfmiddlewaretoken" value="([^"]+)"', browser.get(url("add")).content.decode()
    )[1]  # fmt: skip
    key = hidden(browser.get(url("add")), "idempotency_key")
    admin_client.user.set_password("y")
    admin_client.user.save()
    browser.cookies.clear()
    browser.get("/admin/login/")
    browser.force_login(admin_client.user)
    assert browser.post(url("add"), add_data(idempotency_key=key, csrfmiddlewaretoken=old)).status_code == 403
    token = browser.get(url("price") + "?session=1").json()["token"]
    assert browser.post(url("add"), add_data(idempotency_key=key, csrfmiddlewaretoken=token)).status_code == 302
    assert VideoTask.objects.count() == 1
