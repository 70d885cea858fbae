"""Clips, sounds and documents as files: measured, priced and refused when a task is made; read by EvoLink where they are."""

from __future__ import annotations

import hashlib
import io
import json
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from django_wanvideo import batches, catalog
from django_wanvideo.admin.batches.detail import quotes
from django_wanvideo.admin.presentation import detail_page
from django_wanvideo.batches import checking, making
from django_wanvideo.catalog import media as catalog_media
from django_wanvideo.catalog.media import cutting
from django_wanvideo.models import Attempt, MediaInput, VideoTask
from django_wanvideo.models.base import pricing
from django_wanvideo.models.creation import addresses, creation, inspection, media
from tests.batches.tables import batch_of
from tests.clips import clip, silence
from tests.factories import everything
from tests.pictures import picture

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

MODEL = "wan3.0-reference-video"
TWO = clip("red", "green", size=(320, 240))
THREE = clip("red", "green", "blue", size=(320, 240))


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    settings.WANVIDEO = {**settings.WANVIDEO, "PUBLIC_MEDIA_BASE_URL": "https://media.example/files/"}
    return tmp_path


@pytest.fixture
def without_address(settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "PUBLIC_MEDIA_BASE_URL": None}


def create(**options):
    return VideoTask.objects.create_task(**{"model": MODEL, "prompt": "A fox", "duration": 5} | options)


def problems(**options):
    with pytest.raises(ValidationError) as caught:
        create(**options)
    return {field: [error.code for error in errors] for field, errors in caught.value.error_dict.items()}


def test_what_was_measured_is_kept_and_priced():
    """What was measured is kept and priced, and its name is by its content."""
    clips = [ContentFile(TWO, name="first.avi"), io.BytesIO(THREE)]
    task = create(reference_videos=clips, audio=ContentFile(silence(2.5), name="voice.mp3"))
    first, second = task.inputs.filter(role="reference_videos").order_by("position")
    assert (first.seconds, first.width, first.height, first.content_type) == (2, 320, 240, "video/mp4")
    assert (second.seconds, second.size) == (3, len(THREE))
    assert first.file.name.endswith(".mp4")
    sound = task.inputs.get(role="audio")
    assert (sound.seconds, sound.content_type, sound.thumbnail.name) == (Decimal("2.5"), "audio/wav", "")
    assert sound.file.name.endswith(".wav")
    by_link = create(reference_videos=["https://clips.example/a.mp4", "https://clips.example/b.mp4"])
    rate = catalog.get(MODEL).price.rate_for(catalog.get(MODEL).effective_values({"duration": 5}))
    assert task.credits_estimated == 10 * rate, "2 and 3 seconds of clips, and 5 of the video"
    assert by_link.credits_estimated == 20 * rate, "what nobody has measured counts as long"


def test_changing_a_draft_measures_the_new_clip_and_prices_it():
    task = create(reference_videos=[io.BytesIO(TWO)])
    before = task.credits_estimated
    task.update(reference_videos=[io.BytesIO(THREE)])
    assert task.inputs.get().seconds == 3
    assert task.credits_estimated > before
    task.update(prompt="A bear")
    assert task.inputs.get().seconds == 3
    assert creation.duplicate(task).inputs.get().facts == task.inputs.get().facts


def test_a_page_lists_what_is_known_of_inputs():
    """A page lists what is known of inputs and what could not be checked."""
    task = create(reference_videos=[io.BytesIO(TWO), "https://clips.example/a.mp4"])
    measured, link = detail_page.other_inputs(task, None)
    assert measured["measured"].replace("\xa0", " ").startswith("320 × 240 px, 2 s, ")
    assert measured["remarks"] == []
    assert [str(remark) for remark in link["remarks"]] == [
        "Its length has not been checked; 1 to 15 seconds are taken.",
        "A link is opened by EvoLink only; what is given as a file is checked here.",
    ]
    task.status = "completed"
    assert detail_page.other_inputs(task, None)[1]["remarks"] == [], "it has been taken"


def test_a_limit_that_fell_meanwhile_is_told_when_a_draft_is_sent():
    task = create(reference_videos=[io.BytesIO(TWO)])
    creation.check_complete(task)
    task.inputs.update(seconds=16)
    with pytest.raises(ValidationError) as caught:
        creation.check_complete(task)
    assert "seconds" in [error.code for error in caught.value.error_dict["reference_videos"]]


def test_all_that_is_wrong_is_told_at_once_before_anything_is_kept(without_address, storage):
    before = everything()
    found = problems(
        duration=99,
        reference_videos=[io.BytesIO(clip("red")), io.BytesIO(TWO)],
        audio=io.BytesIO(TWO),
        document=io.BytesIO(bytes(9)),
    )
    assert found["duration"] == ["max_value"]
    assert found["reference_videos"] == ["sides", "no_public_address", "no_public_address"]
    assert found["audio"] == ["format", "no_public_address"]
    assert found["document"] == ["unknown_format"]
    assert everything() == before
    assert [path for path in storage.rglob("*") if path.is_file()] == []


def test_what_is_only_too_much_together_is_refused_too():
    long = clip(*["red"] * 9, size=(240, 240), fps=1)
    assert problems(reference_videos=[io.BytesIO(long), io.BytesIO(long)]) == {"reference_videos": ["total_seconds"]}


def test_the_beginning_of_a_clip_is_stored_where_wished():
    """Of a clip that is too long, the beginning is stored where that is wished."""
    content = clip(*["red", "green"] * 6, size=(320, 240), fps=1)
    given, before = io.BytesIO(content), everything()
    spec, edit = catalog.get("wan2.7-video-edit"), {"model": "wan2.7-video-edit", "duration": None}
    for fix in (False, "images"):
        assert problems(**edit, source_video=given, fix_inputs=fix) == {"source_video": ["seconds"]}
    assert everything() == before
    found = inspection.examine(spec, "source_video", given)
    assert (found.problems, found.facts.seconds) == ((), 12)
    task = create(**edit, source_video=given, fix_inputs=True)
    assert (given.tell(), given.read()) == (0, content), "the caller's file is left as it was found"
    item = task.inputs.get()
    assert 5 < item.seconds <= 10
    assert item.seconds == found.sent_seconds
    with item.file.open() as stored:
        assert hashlib.sha256(stored.read()).hexdigest() == item.sha256
        assert catalog_media.measure(stored, spec.input("source_video")) == item.facts
    assert task.credits_estimated == catalog.estimate(spec, task.parameters, {"source_video": [item.facts]})
    task.update(source_video=io.BytesIO(content), prompt="A bear", fix_inputs=True)
    assert task.inputs.get().facts == item.facts
    with pytest.raises(ValidationError):
        task.update(source_video=io.BytesIO(content))


def test_what_cannot_be_cut_is_refused_and_says_so(monkeypatch):
    monkeypatch.setattr(cutting.packets, "__file__", "/nowhere/packets.py")
    content = clip(*["red", "green"] * 6, size=(320, 240), fps=1)
    found = problems(model="wan2.7-video-edit", duration=None, source_video=io.BytesIO(content), fix_inputs=True)
    assert found == {"source_video": ["seconds", "uncuttable"]}


def test_a_file_is_judged_for_a_form_without_being_stored(without_address):
    spec = catalog.get(MODEL)
    found = inspection.examine(spec, "reference_videos", io.BytesIO(TWO))
    assert [error.code for error in found.problems] == ["no_public_address"]
    assert "PUBLIC_MEDIA_BASE_URL" in found.problems[0].messages[0]
    shown = inspection.examine(spec, "reference_images", picture("JPEG", (8100, 2700)))
    assert (shown.problems, shown.sent_size) == ((), (8000, 2667))
    assert inspection.examine(spec, "audio", "https://sounds.example/a.mp3").unchecked
    assert MediaInput.objects.count() == 0


@pytest.mark.parametrize(("seconds", "is_enough"), [(86_400, True), (3600, False)])
def test_a_storage_that_signs_for_a_day_is_enough(settings, without_address, seconds, is_enough):
    odd = {"BACKEND": "tests.storages.Signing", "OPTIONS": {"seconds": seconds}}
    settings.STORAGES = {**settings.STORAGES, "odd": odd}
    settings.WANVIDEO = {**settings.WANVIDEO, "STORAGE": "odd"}
    if not is_enough:
        assert problems(reference_videos=[io.BytesIO(TWO)]) == {"reference_videos": ["no_public_address"]}
        return
    task = create(reference_videos=[io.BytesIO(TWO)])
    [url] = media.provider_urls(task, None)["reference_videos"]
    assert url.startswith(f"https://bucket.s3.example/{task.inputs.get().file.name}?X-Amz-")
    body = {"prompt": "A fox", "video_urls": [url]}
    attempt = Attempt.objects.create(task=task, number=1, idempotency_key="k" * 20, request=body)
    shown = detail_page.request_shown(attempt, task)["json"]
    assert "hidden-signature" not in shown
    assert json.loads(shown)["video_urls"][0].endswith(".mp4?…")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/media/a.mp4",
        "https://cdn.example/a.mp4",
        "https://b.s3.example/a.mp4?X-Amz-Signature=x&X-Amz-Date=yesterday&X-Amz-Expires=86400",
        "https://b.example/a.mp4?Signature=x&Expires=100",
        "https://b.example/a.mp4?sig=x&se=2020-01-01T00:00:00Z",
        "https://b.example/a.mp4?sig=x",
        "http://b.example/a.mp4?Signature=x&Expires=9999999999",
        "https://minio.internal/a.mp4?Signature=x&Expires=9999999999",
    ],
)
def test_other_addresses_are_not(without_address, url):
    class Storage:
        def url(self, name):
            return url

    with pytest.raises(ValidationError) as caught:
        addresses.public_url(Storage(), "a.mp4")
    assert caught.value.code == "no_public_address"


def test_a_missing_file_fails_before_anything_is_sent():
    """A file is read where it is, and a missing one fails before anything is sent."""
    task = create(reference_videos=[io.BytesIO(TWO)])
    name = task.inputs.get().file.name
    assert media.provider_urls(task, None) == {"reference_videos": [f"https://media.example/files/{name}"]}
    storages["default"].delete(name)
    with pytest.raises(FileNotFoundError):
        media.provider_urls(task, None)


def test_a_row_of_a_batch_names_a_file_that_is_measured_once_and_shared(tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "walk.mov").write_bytes(TWO)
    (folder / "long.mp4").write_bytes(clip(*["red"] * 16, size=(240, 240), fps=1))
    rows = [
        {"prompt": f"Fox {n}", "model": MODEL, "duration": 5, "reference_videos": folder / "walk.mov"} for n in "ab"
    ]
    plan = batches.plan(rows, name="Spring")
    assert plan.problems == []
    assert plan.credits_estimated == 2 * create(reference_videos=[io.BytesIO(TWO)]).credits_estimated
    batch = plan.create()
    inputs = MediaInput.objects.filter(task__batch=batch)
    assert [(item.seconds, item.content_type) for item in inputs] == [(2, "video/mp4")] * 2
    assert len({item.file.name for item in inputs}) == 1
    tasks = VideoTask.objects.filter(batch=batch)
    tasks.order_by("pk").last().inputs.update(seconds=4)
    assert quotes.quote(tasks).credits == sum(pricing.price_of(task) for task in tasks), "each clip by its own length"
    [wrong] = batches.plan([rows[0] | {"reference_videos": folder / "long.mp4"}], name="Spring").problems
    assert (wrong.row, wrong.field) == (1, "reference_videos")
    assert "16 seconds" in wrong.message


def test_a_table_names_clips_of_its_zip_file(monkeypatch):
    looks = []
    measure = inspection.media.measure
    monkeypatch.setattr(inspection.media, "measure", lambda *args: looks.append(args[2]) or measure(*args))
    table = f"prompt,model,duration,reference_videos\nFox,{MODEL},5,walk.mp4\nBear,{MODEL},5,walk.mp4\n"
    batch = batch_of(table, media={"walk.mp4": io.BytesIO(TWO)})
    checking.check(batch)
    assert [item.problems for item in batch.items.all()] == [[], []]
    assert len(looks) == 1, "measured once for all rows"
    checking.confirm(batch)
    making.make_all(batch)
    inputs = MediaInput.objects.filter(task__batch=batch)
    assert {(item.seconds, item.width, item.file.name) for item in inputs} == {
        (2, 320, batch.files.get(name="walk.mp4").file.name)
    }
