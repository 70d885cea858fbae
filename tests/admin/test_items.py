"""Several inputs of one role: files and links mixed, in an order that buttons change, without any script."""

from __future__ import annotations

import html
import re
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from django_wanvideo import catalog
from django_wanvideo.admin.forms import temporary_uploads
from django_wanvideo.catalog import media
from django_wanvideo.catalog.media import cutting
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import MediaInput, VideoTask
from django_wanvideo.models.creation import creation
from tests.admin.conftest import hidden, url
from tests.admin.test_model_choice import Filled
from tests.admin.test_models import typed
from tests.clips import clip, silence
from tests.pictures import picture

pytestmark = pytest.mark.django_db
REFERENCE, EDIT = "wan2.7-reference-video", "wan2.7-video-edit"
A, B, C = (f"https://a.example/{name}.jpg" for name in "abc")
CLIP = "https://a.example/clip.mp4"


def page_data(model=REFERENCE, **changes):
    spec = catalog.get(model)
    data = {name: value for name, value in typed(spec).items() if name != "_save" and not name.endswith("_url")}
    return data | {name: value for name, value in changes.items() if value is not None}


def values(page, role="reference_images"):
    """What the items of a page send back, in their order."""
    found = re.findall(rf'name="{role}_url" value="([^"]*)"', page.content.decode())
    return [html.unescape(value) for value in found]


def errors_of(page):
    return {name: list(errors) for name, errors in page.context["adminform"].form.errors.items()}


def test_items_are_worked_without_a_script(admin_client):
    """Items are added, moved and taken away without a script, and nothing is lost."""
    data = page_data(reference_images_url=[A, B], notes="for spring", _add="reference_images:link")
    page = admin_client.post(url("add"), data)
    assert values(page) == [A, B, ""]
    page = admin_client.post(url("add"), page_data(reference_images_url=[A, B, C], _up="reference_images:2"))
    assert values(page) == [A, C, B]
    assert 'aria-label="Move up Image 2" autofocus' in page.content.decode()
    page = admin_client.post(
        url("add"), page_data(reference_images_url=[A, "", B], notes="x", _remove="reference_images:0")
    )
    assert values(page) == ["", B]
    assert page.context["adminform"].form["notes"].value() == "x"
    assert not VideoTask.objects.exists()
    # What is no item any more is not taken away a second time.
    for odd in ("reference_images:7", "reference_images:x", "reference_images", "first_frame:0", ""):
        assert values(admin_client.post(url("add"), page_data(reference_images_url=[A, B], _remove=odd))) == [A, B]


def test_files_and_links_are_one_order_and_survive_a_refusal(admin_client):
    files = [picture(name="fox.jpg"), picture(size=(700, 480), name="firs.jpg")]
    data = page_data(reference_images_url=[A], reference_images_file=files, duration="99", _save="1")
    page = admin_client.post(url("add"), data)
    assert list(errors_of(page)) == ["duration"]
    link, fox, firs = values(page)
    assert link == A
    assert fox.startswith("kept:")
    assert "firs.jpg" in page.content.decode()
    page = admin_client.post(url("add"), page_data(reference_images_url=[link, fox, firs], _up="reference_images:2"))
    assert values(page) == [link, firs, fox]
    response = admin_client.post(url("add"), page_data(reference_images_url=[firs, link, fox], _save="1"))
    assert response.status_code == 302, errors_of(response)
    items = VideoTask.objects.get().inputs.order_by("position")
    assert [(item.width, item.url) for item in items] == [(700, ""), (None, A), (640, "")]
    # The copies of the form are gone once the task has its own.
    assert temporary_uploads.open_upload(fox.removeprefix("kept:"), owner=admin_client.user.pk) is not None


@pytest.mark.django_db(transaction=True)
def test_kept_files_are_forgotten_once_the_task_has_them(admin_client):
    page = admin_client.post(url("add"), page_data(reference_images_file=[picture()], _add="reference_images:files"))
    (kept,) = values(page)
    assert admin_client.post(url("add"), page_data(reference_images_url=[kept], _save="1")).status_code == 302
    assert temporary_uploads.open_upload(kept.removeprefix("kept:"), owner=admin_client.user.pk) is None


def test_problems_stand_beside_their_item_or_at_the_field(admin_client):
    """What is wrong with one item stands beside it, and what is wrong with all at the field."""
    small = picture(size=(100, 100), name="tiny.jpg")
    data = page_data(reference_images_url=[A, "ftp://a.example/x"], reference_images_file=[small], _save="1")
    page = admin_client.post(url("add"), data)
    (summary,) = errors_of(page)["reference_images_url"]
    assert summary == "Not taken: Image 2, Image 3. What to do stands beside it."
    rows = page.context["adminform"].form.fields["reference_images_url"].widget.rows
    assert [bool(row.problems) for row in rows] == [False, True, True]
    assert "https://" in rows[1].problems[0]
    assert rows[2].present.name == "tiny.jpg"
    page = admin_client.post(url("add"), page_data(reference_images_url=[A] * 6, _save="1"))
    assert "at most 5" in errors_of(page)["reference_images_url"][0]
    assert not VideoTask.objects.exists()


def test_a_file_that_is_gone_is_said_to_be_gone(admin_client):
    page = admin_client.post(url("add"), page_data(reference_images_url=[A, "kept:nothing"], _save="1"))
    assert errors_of(page)["reference_images_url"] == ["Not taken: Image 2. What to do stands beside it."]
    assert "Choose it again" in page.content.decode()


def test_a_draft_shows_its_inputs_and_a_new_order_keeps_their_files(admin_client):
    task = VideoTask.objects.create_task(
        "A fox", model=REFERENCE, reference_images=[picture(), A, picture(size=(700, 480))]
    )
    first, _link, last = task.inputs.order_by("position")
    page = admin_client.get(url("change", task.pk))
    assert values(page) == [f"stored:{first.pk}", A, f"stored:{last.pk}"]
    seen = html.unescape(hidden(page, "seen"))
    order = [f"stored:{last.pk}", f"stored:{first.pk}", B]
    response = admin_client.post(url("change", task.pk), page_data(reference_images_url=order, seen=seen, _save="1"))
    assert response.status_code == 302, errors_of(response)
    items = list(task.inputs.order_by("position"))
    assert [item.pk for item in items[:2]] == [last.pk, first.pk]
    assert (items[0].file.name, items[2].url) == (last.file.name, B)
    # The same page once more: somebody else has moved them meanwhile.
    page = admin_client.post(url("change", task.pk), page_data(reference_images_url=[A], seen=seen, _save="1"))
    assert "was changed while you had it open" in page.content.decode()
    assert task.inputs.count() == 3


def test_a_copy_of_a_draft_sent_meanwhile_keeps_files_in_order(admin_client):
    """What was typed into a draft that was sent meanwhile keeps its files and their order."""
    task = VideoTask.objects.create_task("A fox", model=REFERENCE, reference_images=[picture(), A])
    stored = f"stored:{task.inputs.get(position=0).pk}"
    VideoTask.objects.update(status="queued")
    voices = {"voices_url": ["", VOICES[0]], "voice_bindings": ["", "image1"]}
    data = page_data(reference_images_url=[A, stored], prompt="Other", **voices, _save="1")
    page = admin_client.post(url("change", task.pk), data)
    link, kept = values(page)
    assert (link, kept[:5]) == (A, "kept:")
    assert (values(page, "voices"), speakers(page)) == (VOICES[:1], ([], ["image1"]))
    assert temporary_uploads.open_upload(kept.removeprefix("kept:"), owner=admin_client.user.pk) is not None


def test_items_wait_in_the_page_while_a_model_takes_none_of_them(admin_client):
    page = admin_client.post(
        url("add"), page_data(reference_images_url=[A, B], model="wan2.6-text-to-video", _model="1")
    )
    assert values(page) == [A, B]
    assert 'type="hidden" name="reference_images_url"' in page.content.decode()
    back = admin_client.post(
        url("add"), page_data(reference_images_url=values(page), shown_model="wan2.6-text-to-video")
    )
    assert values(back) == [A, B]
    assert 'type="url" name="reference_images_url"' in back.content.decode()


def test_the_price_follows_the_measured_length_of_clips(admin_client, settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "PUBLIC_MEDIA_BASE_URL": "https://media.example"}
    film = SimpleUploadedFile("film.mp4", clip("red", "green", size=(320, 240), fps=1), "video/mp4")
    data = page_data(reference_videos_file=[film], _add="reference_videos:files")
    page = admin_client.post(url("add"), data)
    (kept,) = values(page, "reference_videos")
    (row,) = page.context["adminform"].form.fields["reference_videos_url"].widget.rows
    seconds = Decimal(row.seconds)
    assert "MP4 · " in row.facts
    price = admin_client.get(url("price"), page_data(reference_videos_seconds=str(seconds))).json()
    assert Decimal(price["credits"]) == (5 + seconds) * Decimal("5.44")
    assert f'name="shown_credits" value="{price["credits"]}"' in page.content.decode()
    response = admin_client.post(url("add"), page_data(reference_videos_url=[kept], _save="1"))
    assert response.status_code == 302, errors_of(response)
    assert VideoTask.objects.get().credits_estimated == Decimal(price["credits"])


@pytest.fixture
def sendable(settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "PUBLIC_MEDIA_BASE_URL": "https://media.example"}


def film(seconds):
    content = clip(*["red", "green"] * (seconds // 2), size=(320, 240), fps=1)
    return SimpleUploadedFile("film.mp4", content, "video/mp4")


def only_row(page, role):
    (row,) = page.context["adminform"].form.fields[f"{role}_url"].widget.rows
    return row


@pytest.mark.usefixtures("sendable")
def test_a_clip_that_is_too_long_is_cut_by_a_button(admin_client):
    """A clip that is too long is cut by a button, and shown and priced before it is sent."""
    page = admin_client.post(url("add"), page_data(EDIT, source_video_file=film(14), _save="1"))
    assert errors_of(page)["source_video_url"] == [
        "It lasts 14 seconds; 2 to 10 are taken. Press “Use its first 10 seconds”, or choose another."
    ]
    assert 'name="_cut" value="source_video:0"' in page.content.decode()
    (long,) = values(page, "source_video")
    page = admin_client.post(url("add"), page_data(EDIT, source_video_url=long, _cut="source_video:0"))
    (kept,) = values(page, "source_video")
    row = only_row(page, "source_video")
    assert 5 < Decimal(row.seconds) <= 10
    assert (row.present.name, row.cut_seconds, row.problems) == ("film.mp4", None, [])
    assert 'name="_cut"' not in page.content.decode()
    assert not VideoTask.objects.exists()
    # What can be cut no more, or is none, stays as it is.
    for odd in ("source_video:0", "source_video:7", "source_video"):
        again = admin_client.post(url("add"), page_data(EDIT, source_video_url=kept, _cut=odd))
        assert values(again, "source_video") == [kept]
    assert admin_client.post(url("add"), page_data(EDIT, source_video_url=kept, _save="1")).status_code == 302
    task = VideoTask.objects.get()
    stored = task.inputs.get()
    assert (stored.seconds, stored.size) == (Decimal(row.seconds), stored.file.size)
    with stored.file.open() as content:
        assert media.measure(content, catalog.get(EDIT).input("source_video")) == stored.facts
    assert task.credits_estimated == Decimal(hidden(page, "shown_credits"))


@pytest.mark.usefixtures("sendable")
def test_where_one_of_several_cannot_be_cut_it_says_what_to_do(admin_client, monkeypatch):
    files = [SimpleUploadedFile(f"{seconds}.wav", silence(seconds), "audio/wav") for seconds in (2, 14)]
    data = page_data(reference_images_url=[A, B], voices_file=files, voice_bindings="image1, image2", _save="1")
    page = admin_client.post(url("add"), data)
    rows = page.context["adminform"].form.fields["voices_url"].widget.rows
    assert [row.cut_seconds for row in rows] == [None, 10]
    assert "“Use its first 10 seconds”" in rows[1].problems[0]
    again = page_data(reference_images_url=[A, B], voices_url=values(page, "voices"), voice_bindings="image1, image2")
    data = again | {"_cut": "voices:1"}
    with monkeypatch.context() as broken:
        broken.setattr(cutting.packets, "__file__", "/nowhere/packets.py")
        page = admin_client.post(url("add"), data)
    assert values(page, "voices") == data["voices_url"]
    assert "Cut it with another program" in page.content.decode()
    known = cutting.importlib.util.find_spec
    monkeypatch.setattr(cutting.importlib.util, "find_spec", lambda name: None if name == "av" else known(name))
    page = admin_client.post(url("add"), again | {"_save": "1"})
    assert 'name="_cut"' not in page.content.decode()
    assert "Cut it, or choose another." in page.content.decode()
    assert values(admin_client.post(url("add"), data), "voices") == data["voices_url"]


@pytest.mark.usefixtures("sendable")
def test_a_clip_of_a_draft_is_cut_for_a_model_that_takes_less(admin_client):
    task = VideoTask.objects.create_task("A fox", model=REFERENCE, reference_videos=[film(20)])
    (stored,) = values(admin_client.get(url("change", task.pk)), "reference_videos")
    other = "wan3.0-reference-video"
    data = page_data(other, reference_videos_url=[stored], prompt="A fox")
    page = admin_client.post(url("change", task.pk), data | {"shown_model": REFERENCE, "_model": "1"})
    assert only_row(page, "reference_videos").cut_seconds == 15
    page = admin_client.post(url("change", task.pk), data | {"_cut": "reference_videos:0"})
    assert task.inputs.get().seconds == 20
    data = page_data(other, reference_videos_url=values(page, "reference_videos"), prompt="A fox", _save="1")
    assert admin_client.post(url("change", task.pk), data).status_code == 302
    assert 10 < task.inputs.get().seconds <= 15


def test_a_site_that_cannot_give_clips_on_offers_links_only(admin_client):
    page = admin_client.get(url("add"), {"model": REFERENCE}).content.decode()
    assert 'name="reference_images_file"' in page
    assert 'name="reference_videos_file"' not in page
    assert 'value="reference_videos:link"' in page


VOICES = [f"https://a.example/{name}.mp3" for name in ("ann", "ben", "cem")]


def speakers(page):
    """Who speaks with each voice as the page shows it, and the keys that wait for a voice."""
    text = page.content.decode()
    found = re.findall(r'<select name="voice_bindings".*?</select>', text, re.DOTALL)
    chosen = [re.findall(r'<option value="([^"]*)" selected>', select) for select in found]
    waiting = re.findall(r'<input type="hidden" name="voice_bindings" value="([^"]*)"', text)
    return ["".join(keys) for keys in chosen], waiting


def voiced(keys, **changes):
    given = {"reference_images_url": [A, B], "reference_videos_url": [CLIP], "voices_url": VOICES[: len(keys)]}
    return page_data(**given | {"voice_bindings": keys} | changes)


def test_who_speaks_is_chosen_among_the_inputs(admin_client):
    """Who speaks is chosen beside each voice among the inputs that there are."""
    page = admin_client.post(url("add"), voiced(["image2", ""], _add="voices:link"))
    selects = re.findall(r'<select name="voice_bindings".*?</select>', page.content.decode(), re.DOTALL)
    names = ["In order", "Image 1", "Image 2", "Video 1"]
    assert [re.findall(r"<option.*?>(.*?)</option>", select) for select in selects] == [names] * 3
    assert speakers(page) == (["image2", "", ""], [])
    assert "In order: clips, then pictures, as they stand." in page.content.decode()
    # What is left in order gets what is left.
    assert admin_client.post(url("add"), voiced(["image2", ""], _save="1")).status_code == 302
    task = VideoTask.objects.get()
    assert task.parameters["voice_bindings"] == "image2, video1"
    assert speakers(admin_client.get(url("change", task.pk))) == (["image2", "video1"], [])
    # An input that is removed with its page is bound to nobody; nothing chosen is nothing said.
    admin_client.post(url("change", task.pk), voiced(["", ""], _save="1"))
    task.refresh_from_db()
    assert "voice_bindings" not in task.parameters


@pytest.mark.parametrize(
    ("keys", "button", "after"),
    [
        (["image1", "video1"], {"_up": "reference_images:1"}, ["image2", "video1"]),
        (["image2", "image1"], {"_up": "reference_images:1"}, ["image1", "image2"]),
        (["image1", "image2"], {"_remove": "reference_images:0"}, ["", "image1"]),
        (["image1", "video1"], {"_remove": "reference_videos:0"}, ["image1", ""]),
        (["image1", "", "video1"], {"_up": "voices:2"}, ["image1", "video1", ""]),
        (["image1", "", "video1"], {"_remove": "voices:0"}, ["", "video1"]),
    ],
)
def test_who_speaks_follows_what_is_moved_or_taken_away(admin_client, keys, button, after):
    """Who speaks follows what is moved, and is cleared with what is taken away."""
    assert speakers(admin_client.post(url("add"), voiced(keys, **button))) == (after, [])


def test_who_speaks_follows_through_refusals_and_other_models(admin_client):
    """Who speaks follows through empty rows, refusals and models without voices."""
    gaps = {"reference_images_url": ["", A, B], "voices_url": ["", *VOICES[:2]]}
    keys = ["video1", "image3", ""]
    page = admin_client.post(url("add"), voiced(keys, **gaps, duration="99", _save="1"))
    assert speakers(page) == (["image2", ""], [])
    assert admin_client.post(url("add"), voiced(keys, **gaps, _save="1")).status_code == 302
    assert VideoTask.objects.get().parameters["voice_bindings"] == "image2, video1"
    # The pictures move while another model is shown, which takes no voices.
    other = {"model": "wan3.0-reference-video", "shown_model": "wan3.0-reference-video"}
    voices = ["", VOICES[0]]
    page = admin_client.post(url("add"), voiced(["", "image1"], **other, voices_url=voices, _up="reference_images:1"))
    back = admin_client.post(url("add"), {**Filled(page).lists, "model": REFERENCE, "_model": "1"})
    assert values(back) == [B, A]
    assert (values(back, "voices"), speakers(back)) == (VOICES[:1], (["image2"], []))


def test_a_voice_of_nobody_is_refused_beside_it(admin_client):
    """A voice of nobody is refused beside it, and what is said for later waits."""
    page = admin_client.post(url("add"), voiced(["", "image1"], reference_images_url=["", B], _save="1"))
    assert errors_of(page) == {"voices_url": ["Not taken: Audio 2. What to do stands beside it."]}
    assert "What you chose for it is empty. Choose again." in page.content.decode()
    page = admin_client.post(url("add"), voiced(["image9", "video1"], _save="1"))
    assert "no “image9”" in errors_of(page)["voices_url"][0]
    assert "image9 (not there)" in page.content.decode()
    # A preset says it before there are voices; with none it is not sent.
    waiting = {"voices_url": [], "voice_bindings": "video1, image2"}
    page = admin_client.post(url("add"), voiced([], **waiting, _add="voices:link"))
    assert speakers(page) == (["video1"], ["image2"])
    assert admin_client.post(url("add"), voiced([], **waiting, _save="1")).status_code == 302
    assert "voice_bindings" not in VideoTask.objects.get().parameters


def test_whatever_model_is_looked_at_what_was_given_comes_back(admin_client):
    """Values, links and kept files, over every model that is offered."""
    start = page_data(
        reference_images_url=[A],
        reference_images_file=[picture(name="fox.jpg")],
        first_frame_file=picture(name="first.jpg"),
        reference_videos_url=[CLIP],
        duration="7",
        seed="41",
        negative_prompt="rain",
        _model="1",
    )
    page = admin_client.post(url("add"), start)
    before = Filled(page).lists
    del before["csrfmiddlewaretoken"]
    assert before["duration"] == ["7"]
    assert len(before["reference_images_url"]) == 2
    for spec in catalog.models():
        page = admin_client.post(url("add"), {**Filled(page).lists, "model": spec.id, "_model": "1"})
        assert page.context["adminform"].form.spec.id == spec.id
    back = Filled(admin_client.post(url("add"), {**Filled(page).lists, "model": REFERENCE, "_model": "1"})).lists
    assert {name: back.get(name) for name in before} == before


def test_an_input_taken_away_meanwhile_is_told():
    """An input that somebody has taken away meanwhile is not left out without a word."""
    task = VideoTask.objects.create_task("A fox", model=REFERENCE, reference_images=[A, B])
    first, second = task.inputs.order_by("position")
    MediaInput.objects.filter(pk=second.pk).delete()
    words = {"prompt": "A fox", "parameters": task.parameters, "notes": "", "metadata": {}}
    with pytest.raises(TransitionNotAllowed, match="Somebody else changed"):
        creation.update_draft(task, **words, reference_images=[second, first])
    assert task.inputs.get() == first
