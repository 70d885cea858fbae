"""What a mail says, in whose language, and that a site may say it otherwise."""

from __future__ import annotations

import pytest
from django.core import mail
from django.template import engines
from django.test import override_settings
from django.utils.html import escape

from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.choices import TaskStatus
from django_wanvideo.mail import contents, delivery, links
from django_wanvideo.models import BatchItem, VideoTask

pytestmark = pytest.mark.django_db


def sent():
    """Send what is due; return the one mail."""
    delivery.send_due()
    [message] = mail.outbox
    [(html, kind)] = message.alternatives
    assert kind == "text/html"
    return message, html


def test_a_mail_about_a_video_leads_to_it_and_has_no_prompt_in_its_subject(person, ended, settings):
    settings.WANVIDEO = settings.WANVIDEO | {"SITE_URL": "https://staff.example/"}
    task = ended(person(), prompt="Secret\nproduct <b>")
    message, html = sent()
    assert message.subject == "Your video is ready"
    url = f"https://staff.example/admin/wanvideo/videotask/{task.pk}/change/"
    for body in (message.body, html):
        assert url in body
        assert "https://staff.example/admin/wanvideo/notificationchoice/" in body
    assert "Secret" in message.body
    assert "product &lt;b&gt;" in html
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"


def test_a_failure_says_what_happened_what_it_cost_and_what_to_do(person, ended):
    ended(person(), TaskStatus.FAILED, error_code="content_filter", error_message="see https://x.example/?token=abc")
    message, html = sent()
    assert message.subject == "A video failed: Content refused"
    for body in (message.body, html):
        assert "Not charged." in body
        assert "token" not in body


def test_links_begin_with_the_callback_address_or_a_setting(settings):
    """Links begin with where EvoLink calls back unless the site says otherwise."""
    assert links.page("videotask_changelist") == "https://site.example/admin/wanvideo/videotask/"
    settings.WANVIDEO = settings.WANVIDEO | {"CALLBACK_BASE_URL": None}
    assert links.page("videotask_changelist") == ""
    assert links.page("nothing_there") == ""


def test_a_mail_without_links_is_a_mail(person, ended, settings):
    settings.WANVIDEO = settings.WANVIDEO | {"CALLBACK_BASE_URL": None}
    ended(person())
    message, html = sent()
    assert "http" not in message.body + html


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((2, 0, 0), "all 2 videos are ready"),
        ((1, 0, 0), "the video is ready"),
        ((283, 4, 0), "283 of 287 videos are ready"),
        ((283, 3, 1), "283 of 287 videos are ready, 1 needs a decision"),
        ((0, 3, 0), "no video could be made"),
    ],
)
def test_subjects_of_a_batch(numbers, words):
    ready, failed, undecided = numbers
    assert contents.ready_words(ready + failed + undecided, ready, undecided) == words


def test_the_mail_of_a_batch_has_counts_credits_and_causes(person, batch_ended):
    batch_ended(person(when="batch"), 2, failed=1, name="Autumn\npostcards")
    message, html = sent()
    assert "/admin/wanvideo/batch/" in message.body
    assert "/videos/" in html
    assert message.subject == "Autumn postcards: 2 of 3 videos are ready"
    assert "Ready: 2" in message.body
    for body in (message.body, html):
        assert "Content refused" in body
        assert "Credits used" in body


def test_the_mail_of_a_batch_names_pictures_that_failed(person, batch_ended):
    def name_rows():
        for task in VideoTask.objects.filter(status="failed"):
            given = {"first_frame": f"folder/hat <{task.row_number}>.jpg"}
            BatchItem.objects.create(batch=task.batch, number=task.row_number, data=given, task=task)

    batch_ended(person(when="batch"), 1, failed=contents.MOST_PICTURES + 1, before=name_rows)
    message, html = sent()
    names = ", ".join(f"hat <{number}>" for number in range(2, 2 + contents.MOST_PICTURES))
    assert f"    {names} and others\n" in message.body
    assert escape(names) in html
    assert "hat &lt;7&gt;" not in html


def test_only_videos_that_the_person_may_see_are_counted(person, batch_ended, monkeypatch):
    maria = person(when="batch")

    def some(self, request, queryset):
        return queryset.exclude(status="failed")

    monkeypatch.setattr(VideoTaskAdmin, "get_visible_queryset", some)
    batch_ended(maria, 2, failed=2)
    assert sent()[0].subject == "Autumn postcards: all 2 videos are ready"


def test_a_digest_names_some_and_counts_the_rest(person, ended, later):
    maria = person(when="hour")
    for _number in range(contents.MOST_NAMED + 3):
        ended(maria)
    later(hours=1)
    [message] = mail.outbox
    assert message.subject == "23 videos are ready"
    assert "and 3 more" in message.body
    assert "and 3 more" in message.alternatives[0][0]


def test_the_language_is_the_persons_where_there_is_one(settings):
    class Person:
        language = "de_AT"

    assert contents.language_of(Person()) == "de"
    Person.language = "xx"
    assert contents.language_of(Person()) == settings.LANGUAGE_CODE
    assert contents.language_of(object()) == settings.LANGUAGE_CODE


def test_a_mail_is_written_in_that_language(person, ended, monkeypatch):
    monkeypatch.setattr(contents, "language_of", lambda user: "de")
    ended(person())
    assert '<html lang="de" dir="ltr">' in sent()[1]


def test_a_site_replaces_templates(person, ended, settings, tmp_path):
    folder = tmp_path / "wanvideo" / "mail"
    folder.mkdir(parents=True)
    (folder / "video.txt").write_text("Hi {{ person }}: {{ videos.0.task.status }}")
    (folder / "base.html").write_text("<html>ours {% block content %}{% endblock %}</html>")
    templates = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    ended(person())
    with override_settings(TEMPLATES=templates):
        assert engines.all()
        message, html = sent()
    assert message.body == "Hi maria: completed"
    assert html.startswith("<html>ours")
