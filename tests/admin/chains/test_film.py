"""The film on a task's page: its parts in order, remade one by one, joined by who may change all of them."""

from __future__ import annotations

import re

import pytest
from django.core.files.base import ContentFile

from django_wanvideo.models import Film, VideoTask
from django_wanvideo.services.storing import posters
from tests.admin.conftest import hidden, url
from tests.clips import clip


@pytest.fixture
def parts(make_task, monkeypatch):
    """A film of two completed parts, where videos can be looked into."""
    monkeypatch.setattr(posters, "is_installed", lambda: True)
    made, content = [], clip("red", size=(480, 360), fps=2)
    for number in (1, 2):
        task = make_task("completed", prompt=f"part number {number}", like=made[0] if made else None)
        task.video.save(f"{task.pk}.mp4", ContentFile(content), save=False)
        task.continues = made[-1] if made else None
        task.save(update_fields=["video", "continues"])
        made.append(task)
    return made


def panel(client, task):
    """The text of the film's section, without tags."""
    page = client.get(url("change", task.pk)).content.decode()
    found = re.search(r'<section class="module wv-section wv-film".*?</section>', page, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split()) if found else ""


def become_of(client, task, film):
    """What the page of a task hears of a film that is being joined on it."""
    answer = client.get(url("status"), {"id": task.pk, "page": "1", "film": film.pk}).json()
    return answer["tasks"][str(task.pk)]["film"]


def test_the_parts_stand_on_the_page_of_each(admin_client, parts, make_task):
    """The parts stand on the page of each and on a draft without buttons."""
    for part in parts:
        shown = panel(admin_client, part)
        assert re.search(r"Film: 2 parts, 10 s.* Part 1 .*part number 1 .* Part 2 .*part number 2", shown), shown
        assert ("Remake this part" in shown, "Join into one video" in shown) == (True, True)
    assert panel(admin_client, make_task("completed", like=parts[0])) == ""
    draft = make_task("draft", like=parts[0], prompt="next", continues=parts[1])
    shown = panel(admin_client, draft)
    assert ("3 parts" in shown, "Remake" in shown, "Join" in shown) == (True, False, False)
    assert "Part 3 has no video yet (draft)." in panel(admin_client, parts[0])


def test_join_is_pressed_and_the_film_is_played_and_kept(admin_client, parts):
    assert admin_client.get(url("join", parts[0].pk)).url == url("change", parts[0].pk)
    assert not Film.objects.exists()
    for _time in range(2):
        assert admin_client.post(url("join", parts[0].pk))["Location"].startswith(url("change", parts[0].pk))
    film = Film.objects.get()
    assert "being joined" in panel(admin_client, parts[0])
    assert f'data-wanvideo-film="{film.pk}"' in admin_client.get(url("change", parts[0].pk)).content.decode()
    assert become_of(admin_client, parts[0], film) == ""
    film.video.save("film.mp4", ContentFile(b"12345"), save=False)
    Film.objects.update(video=film.video.name, size=5, next_action_at=None)
    shown = panel(admin_client, parts[0])
    assert ("Download the film" in shown, "Join into" in shown) == (True, False)
    assert become_of(admin_client, parts[0], film) == "The parts are joined into one video."
    answer = admin_client.get(url("film", parts[1].pk, film.pk) + "?download=1")
    assert b"".join(answer.streaming_content) == b"12345"
    assert re.search(r'filename="part-number-2-film-\w{8}.mp4"', answer["Content-Disposition"])
    assert VideoTask.objects.count() == 2
    asked = admin_client.get(url("delete", parts[1].pk)).content.decode()
    assert "The film that it is the last part of will be deleted with it" in asked


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (
            {"reason": "differs", "what": "size", "part": 2, "is": "640 × 480", "first": "480 × 360"},
            "Part 2 has 640 × 480 pixels, part 1 has 480 × 360. Encoding them anew failed.",
        ),
        ({"reason": "differs", "what": "encoding", "part": 2}, "encoded in another way"),
        ({"reason": "storage"}, "storage failed"),
        ({"reason": "gone", "part": 1}, "Part 1 was deleted"),
    ],
)
def test_why_it_was_not_joined_is_said_with_what_to_do(admin_client, parts, problem, words):
    admin_client.post(url("join", parts[0].pk))
    Film.objects.update(next_action_at=None, problem=problem)
    shown = panel(admin_client, parts[0])
    assert words in shown
    assert words in become_of(admin_client, parts[0], Film.objects.get())
    assert "Join into one video" in shown


def test_what_was_encoded_anew_is_said_with_why(admin_client, parts):
    admin_client.post(url("join", parts[0].pk))
    problem = {"reason": "differs", "what": "rate", "part": 2, "is": "24", "first": "30"}
    Film.objects.update(next_action_at=None, problem=problem, video=parts[0].video.name)
    shown = panel(admin_client, parts[0])
    words = "Part 2 has 24 pictures a second, part 1 has 30. All parts were encoded anew, in the size of part 1."
    assert (words in shown, "Download the film" in shown, "failed" in shown) == (True, True, False)


def test_a_part_of_another_take_is_joined_on_demand_only(admin_client, parts, make_task):
    """A part that was made of another take is marked, and joined on demand only."""
    other = make_task("completed", prompt="another beginning", like=parts[0])
    values = {"take_group": parts[0].pk, "video": parts[0].video.name}
    VideoTask.objects.filter(pk__in=[parts[0].pk, other.pk]).update(**values)
    VideoTask.objects.filter(pk=parts[0].pk).update(take_number=1)
    VideoTask.objects.filter(pk=other.pk).update(take_number=2, picked=True)
    shown = panel(admin_client, parts[1])
    assert "Made from another frame than part 1 ends with." in shown
    assert ("Join all the same" in shown, "take 2, picked" in shown) == (True, True)
    admin_client.post(url("join", parts[1].pk))
    assert Film.objects.count() == 0
    admin_client.post(url("join", parts[1].pk), {"anyway": "1"})
    assert Film.objects.get().parts == [str(other.pk), str(parts[1].pk)]


def test_remaking_a_part_makes_one_draft_that_is_a_take_of_it(admin_client, parts):
    key = hidden(admin_client.get(url("change", parts[0].pk)), "idempotency_key")
    places = {
        admin_client.post(url("operate", parts[1].pk, "remake"), {"idempotency_key": key})["Location"]
        for _time in range(2)
    }
    parts[1].refresh_from_db()
    (draft,) = VideoTask.objects.filter(status="draft")
    assert places == {url("change", draft.pk)}
    assert (draft.continues, draft.take_group, draft.take_number) == (parts[0], parts[1].take_group, 2)
    # Another button of the same page is another wish.
    admin_client.post(url("operate", parts[1].pk, "continue"), {"idempotency_key": key})
    assert parts[1].continuations.count() == 1


def test_who_may_not_see_or_change_a_part_does_not_join_it(parts, person, settings, monkeypatch):
    from django_wanvideo.admin import VideoTaskAdmin

    looker = person("view_videotask")
    assert "Join" not in panel(looker, parts[0])
    assert looker.post(url("join", parts[0].pk)).status_code == 403
    few = person("view_videotask", "change_videotask")
    ids = [str(part.pk) for part in parts]
    film = Film.objects.create(task=parts[1], parts=ids, digest="x", video=parts[0].video.name)
    assert few.get(url("film", parts[1].pk, film.pk)).status_code == 200
    visible = VideoTask.objects.exclude(pk=parts[0].pk).values("pk")
    monkeypatch.setattr(VideoTaskAdmin, "get_visible_queryset", lambda self, request, rows: rows.filter(pk__in=visible))
    shown = panel(few, parts[1])
    assert "Part 1 A video that you may not see." in shown
    assert ("part number 1" in shown, "Join" in shown, str(film.pk) in shown) == (False, False, False)
    assert few.post(url("join", parts[1].pk)).status_code == 403
    assert few.get(url("film", parts[1].pk, film.pk)).status_code == 404
    assert Film.objects.count() == 1


def test_without_the_extra_the_page_says_which(admin_client, parts, monkeypatch):
    monkeypatch.setattr(posters, "is_installed", lambda: False)
    shown = panel(admin_client, parts[0])
    assert "needs the extra “posters”" in shown
    assert "Join into" not in shown
