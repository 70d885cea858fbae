"""The popup of a foreign key: tiles of which one is chosen, and only what can be played is offered."""

from __future__ import annotations

import re

import pytest

from tests.admin.conftest import url

PICTURE = pytest.mark.fault("K12.popup-click-on-the-picture")
OFFERS = pytest.mark.fault("K12.popup-offers-only-completed")
POPUP = "?_popup=1&_to_field=id"


def rows(client, query=POPUP):
    """The bodies of the list's rows."""
    page = client.get(url("changelist") + query).content.decode()
    return re.findall(r"<tr>.*?</tr>", page.partition("<tbody>")[2].partition("</tbody>")[0], re.S)


def shown(client, query=POPUP):
    return {str(task.pk) for task in client.get(url("changelist") + query).context["cl"].result_list}


@PICTURE
def test_picture_and_words_both_choose_the_video(admin_client, make_task):
    task = make_task("completed")
    page = admin_client.get(url("changelist") + POPUP).content.decode()
    (tile,) = re.findall(r'<label class="wv-choice">.*?</label>', page, re.S)
    assert "<img src=" in tile
    assert "A fox trots on" in tile
    assert f'<input type="radio" name="video" value="{task.pk}" required' in tile
    assert "<a " not in tile
    assert "Use this video</button>" in page


@PICTURE
def test_the_link_of_the_picture_has_a_name_and_can_be_reached(admin_client, make_task):
    make_task("completed", prompt="A lamp lights up")
    (row,) = rows(admin_client, "")
    link = re.search(r'<t[hd] class="field-picture[^"]*">(<a .*?</a>)', row, re.S)[1]
    assert "aria-hidden" not in link.partition(">")[0]
    assert "tabindex" not in link
    assert re.sub(r"<[^>]*>", "", link).strip().endswith("A lamp lights up")


@PICTURE
def test_both_links_keep_the_filters_of_the_list(admin_client, make_task):
    task = make_task("failed")
    (row,) = rows(admin_client, "?status=failed&model=wan2.6-image-to-video-flash")
    links = [link for link in re.findall(r'href="([^"]*)"', row) if str(task.pk) in link]
    assert len(links) == 2
    assert all("_changelist_filters=status%3Dfailed%26model%3D" in link for link in links)


@PICTURE
def test_nothing_in_a_popup_leads_away_from_choosing(admin_client, make_task):
    make_task("unconfirmed", next_action_at=None, owner=admin_client.user)
    page = admin_client.get(url("changelist") + POPUP + "&status=unconfirmed&q=fox").content.decode()
    content = page.partition('id="content"')[2]
    assert url("add") not in content
    assert url("sending") not in content
    assert "/resolve/" not in content
    own = re.findall(r'href="(\?[^"]*)"', content)
    assert own
    assert all("_popup=1" in link and "_to_field=id" in link for link in own), own


@OFFERS
def test_only_completed_videos_are_offered_until_a_status_is_chosen(admin_client, make_task):
    tasks = {status: str(make_task(status).pk) for status in ("draft", "failed", "processing", "completed")}
    assert shown(admin_client) == {tasks["completed"]}
    assert shown(admin_client, POPUP + "&q=fox") == {tasks["completed"]}
    assert shown(admin_client, POPUP + "&owner=none") == {tasks["completed"]}
    assert shown(admin_client, POPUP + "&status=failed") == {tasks["failed"]}
    assert shown(admin_client, POPUP + "&status=all") == set(tasks.values())
    assert shown(admin_client, "") == set(tasks.values())


@OFFERS
def test_the_filter_says_what_a_popup_shows(admin_client, make_task):
    def selected(query):
        cl = admin_client.get(url("changelist") + query).context["cl"]
        specs = [spec for spec in cl.filter_specs if spec.parameter_name == "status"]
        return [str(choice["display"]) for spec in specs for choice in spec.choices(cl) if choice["selected"]]

    make_task("completed")
    # What could not be chosen is no choice of the filter either, unless the address asks for it.
    assert selected(POPUP) == []
    assert "Only finished videos are shown." in admin_client.get(url("changelist") + POPUP).content.decode()
    assert selected(POPUP + "&status=all") == ["All"]
    assert selected(POPUP + "&status=failed") == ["Failed"]
    assert selected("") == ["All"]


@OFFERS
def test_a_popup_without_completed_videos_says_that_nothing_matches(admin_client, make_task):
    make_task("draft")
    page = admin_client.get(url("changelist") + POPUP).content.decode()
    assert "No videos yet" not in page
    assert "Nothing matches" in page
    page = admin_client.get(url("changelist") + POPUP + "&q=zeppelin").content.decode()
    assert "No finished video has these words." in page
    assert "Show all</a>" in page


@OFFERS
def test_a_site_with_a_status_filter_of_its_own_decides_itself(admin_client, make_task, monkeypatch):
    from django_wanvideo.admin import VideoTaskAdmin

    monkeypatch.setattr(VideoTaskAdmin, "list_filter", ("status",))
    draft, done = str(make_task().pk), str(make_task("completed").pk)
    assert shown(admin_client) == {done}
    assert shown(admin_client, POPUP + "&status__exact=draft") == {draft}
