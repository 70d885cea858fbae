"""A draft is known to be acceptable before anything is charged, or it is not made at all."""

from __future__ import annotations

import io
import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import FileSystemStorage, InvalidStorageError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from PIL import Image

from django_wanvideo.choices import EventKind, EventSource, TaskStatus
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import MediaInput, TaskEvent, VideoTask, lifecycle
from django_wanvideo.models.creation import creation
from tests.factories import everything
from tests.pictures import noise, picture

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

LINK = "https://pictures.example/cat.png"


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    """A storage of this test's own."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def create(**options):
    return VideoTask.objects.create_task(**{"prompt": "A cat plays the piano", "first_frame": LINK} | options)


def problems(**options):
    """Return the codes of what is wrong, by field."""
    with pytest.raises(ValidationError) as caught:
        create(**options)
    return {field: [error.code for error in errors] for field, errors in caught.value.error_dict.items()}


def test_a_prompt_and_a_picture_are_enough(django_user_model):
    ann = django_user_model.objects.create_user("ann")
    task = create(owner=ann, metadata={"sku": "X1"}, notes="for the shop")
    task = VideoTask.objects.get(pk=task.pk)
    assert (task.status, task.model) == (TaskStatus.DRAFT, "wan2.6-image-to-video-flash")
    assert (task.prompt, task.metadata, task.notes) == ("A cat plays the piano", {"sku": "X1"}, "for the shop")
    assert task.owner == ann
    assert task.parameters == {"duration": 5}, "the duration is always sent"
    assert task.credits_estimated == Decimal("11.9000")
    assert (task.next_action_at, task.queued_at) == (None, None), "nothing happens to a draft by itself"
    event = task.events.get()
    assert (event.kind, event.source, event.actor, event.to_status) == ("created", "user", ann, "draft")


def test_code_without_a_person_is_said_to_be_code():
    event = create().events.get()
    assert (event.kind, event.source, event.actor) == (EventKind.CREATED, EventSource.APPLICATION, None)


def test_whoever_makes_it_may_be_another_than_the_owner(django_user_model):
    ann, bob = (django_user_model.objects.create_user(name) for name in ("ann", "bob"))
    task = create(owner=ann, by=bob)
    assert (task.owner, task.events.get().actor) == (ann, bob)


def test_the_model_of_the_settings_is_the_default(settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "DEFAULT_MODEL": "wan2.5-image-to-video"}
    assert create().model == "wan2.5-image-to-video"
    assert create(model="wan2.6-image-to-video").model == "wan2.6-image-to-video"


def test_an_unknown_model_is_named():
    assert problems(model="wan2.6-image-to-video-flsh") == {"model": ["unknown_model"]}


def test_what_was_chosen_is_kept_and_priced():
    task = create(duration=10, quality="1080p", generate_audio=False, prompt_extend=True, shot_type="multi")
    assert task.parameters == {
        "duration": 10,
        "quality": "1080p",
        "generate_audio": False,
        "prompt_extend": True,
        "shot_type": "multi",
    }
    assert task.credits_estimated > create(duration=2).credits_estimated


#: What is wrong with which value is the business of the catalogue; here it arrives at its field, and nothing is made.
BAD = {
    "no prompt": ({"prompt": ""}, {"prompt": ["required"]}),
    "16 seconds": ({"duration": 16}, {"duration": ["max_value"]}),
    "an unknown parameter": ({"durtion": 5}, {"durtion": ["unknown_parameter"]}),
    "no first frame": ({"first_frame": None}, {"first_frame": ["required"]}),
    "an empty first frame": ({"first_frame": ""}, {"first_frame": ["required"]}),
    "no first frame in a list": ({"first_frame": []}, {"first_frame": ["required"]}),
    "nothing in a list": ({"first_frame": [None]}, {"first_frame": ["required"]}),
    "two first frames": ({"first_frame": [LINK, LINK]}, {"first_frame": ["max_items"]}),
    "a role of another model": ({"last_frame": LINK}, {"last_frame": ["unknown_input"]}),
    "silence with a sound": (
        {"generate_audio": False, "audio": "https://sounds.example/a.mp3"},
        {"generate_audio": ["excludes"]},
    ),
    "an ftp link": ({"first_frame": "ftp://a.example/cat.png"}, {"first_frame": ["scheme"]}),
    "a file name": ({"first_frame": "/etc/passwd"}, {"first_frame": ["scheme"]}),
    "bytes": ({"first_frame": b"\x89PNG"}, {"first_frame": ["invalid"]}),
    "a number": ({"first_frame": 5}, {"first_frame": ["invalid"]}),
    "a file that is gone": ({"first_frame": Path("/nowhere/cat.png")}, {"first_frame": ["unreadable"]}),
    "a folder": ({"first_frame": Path("/")}, {"first_frame": ["unreadable"]}),
    "a file opened as text": ({"first_frame": io.StringIO("cat")}, {"first_frame": ["invalid"]}),
    "a sound that is a file": ({"audio": io.BytesIO(b"fLaC")}, {"audio": ["format", "no_public_address"]}),
    "nothing in a list of sounds": ({"audio": [None]}, {"audio": ["invalid"]}),
    "metadata that is a list": ({"metadata": ["sku"]}, {"metadata": ["invalid"]}),
    "metadata that is a text": ({"metadata": "sku"}, {"metadata": ["invalid"]}),
    "metadata that is no JSON": ({"metadata": {"when": object()}}, {"metadata": ["invalid"]}),
    "metadata with NaN": ({"metadata": {"x": float("nan")}}, {"metadata": ["invalid"]}),
    "metadata with a NUL": ({"metadata": {"x": ["a\x00b"]}}, {"metadata": ["invalid"]}),
    "metadata with a NUL in a name": ({"metadata": {"a\x00": 1}}, {"metadata": ["invalid"]}),
    "metadata with half a character": ({"metadata": {"x": "\ud83d"}}, {"metadata": ["invalid"]}),
    "notes with a NUL": ({"notes": "a\x00b"}, {"notes": ["invalid_characters"]}),
    "notes with half a character": ({"notes": "\ud83d"}, {"notes": ["invalid_characters"]}),
}


@pytest.mark.parametrize(("options", "expected"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_made(options, expected, storage):
    before = everything()
    assert problems(**options) == expected
    assert everything() == before
    assert files(storage) == []


def test_metadata_that_goes_round_in_circles_is_refused():
    circle = {}
    circle["again"] = circle
    deep = {}
    for _level in range(100_000):
        deep = {"a": deep}
    assert problems(metadata=circle) == problems(metadata=deep) == {"metadata": ["invalid"]}


@pytest.mark.parametrize("metadata", [{}, {"path": "C:\\u0000"}, {"a": [1, 2.5, None, True, {"b": "ü🎹"}]}])
def test_any_json_object_is_metadata(metadata):
    assert VideoTask.objects.get(pk=create(metadata=metadata).pk).metadata == metadata


def test_an_unknown_parameter_is_named_with_the_nearest_known_one():
    with pytest.raises(ValidationError) as caught:
        create(durtion=5)
    assert caught.value.message_dict["durtion"] == [
        "There is no parameter “durtion”. Did you mean “duration”?",
    ]


def test_all_problems_are_said_at_once(storage):
    found = problems(
        prompt="",
        duration=99,
        quality="4k",
        durtion=1,
        metadata=[],
        notes="\x00",
        first_frame=picture(size=(100, 100), mode="RGBA", kind="PNG"),
        audio="ftp://sounds.example/a.mp3",
    )
    assert found == {
        "prompt": ["required"],
        "duration": ["max_value"],
        "quality": ["invalid_choice"],
        "durtion": ["unknown_parameter"],
        "first_frame": ["transparency", "sides"],
        "audio": ["scheme"],
        "metadata": ["invalid"],
        "notes": ["invalid_characters"],
    }
    assert files(storage) == []


#: One of each code; which pictures have it is the business of the catalogue.
BAD_PICTURES = {
    "transparent": (lambda: picture("PNG", mode="RGBA"), ["transparency"]),
    "too narrow": (lambda: picture(size=(359, 480)), ["sides"]),
    "over 10 MB": (
        lambda: SimpleUploadedFile("noise.png", noise("PNG", (1900, 1900), compress_level=0).getvalue()),
        ["max_bytes"],
    ),
    "GIF called PNG": (lambda: picture("GIF", mode="P", name="cat.png"), ["format"]),
    "moving WebP": (
        lambda: picture("WEBP", save_all=True, append_images=[Image.new("RGB", (640, 480), "navy")]),
        ["animated"],
    ),
    "text called JPEG": (lambda: SimpleUploadedFile("cat.jpg", b"no picture at all", "image/jpeg"), ["not_an_image"]),
    "empty": (lambda: SimpleUploadedFile("cat.jpg", b"", "image/jpeg"), ["empty"]),
    "cut off": (lambda: SimpleUploadedFile("cat.jpg", picture(size=(1000, 1000)).read()[:2000]), ["damaged"]),
}


@pytest.mark.parametrize(("make", "codes"), BAD_PICTURES.values(), ids=BAD_PICTURES)
def test_picture_that_evolink_would_refuse_is_refused(make, codes, storage):
    """A picture that EvoLink would refuse is refused before it is stored."""
    before = everything()
    assert problems(first_frame=make()) == {"first_frame": codes}
    assert everything() == before
    assert files(storage) == []


KINDS = {
    "JPEG": ("jpg", "image/jpeg"),
    "PNG": ("png", "image/png"),
    "BMP": ("bmp", "image/bmp"),
    "WEBP": ("webp", "image/webp"),
}


@pytest.mark.parametrize("name", ["cat.png", "cat.jpg", "cat.php", "../../etc/passwd", "cat", "кот 🐈.JPG"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_stored_as_what_it_is_whatever_it_is_called(kind, name, storage):
    given = picture(kind, name=name)
    size = given.size
    extension, content_type = KINDS[kind]
    task = create(first_frame=given)
    item = MediaInput.objects.get()
    assert (item.task, item.role, item.position, item.url) == (task, "first_frame", 0, "")
    assert (item.width, item.height, item.size, item.content_type) == (640, 480, size, content_type)
    assert re.fullmatch(rf"{task.pk}-first_frame-0-[0-9a-f]{{16}}\.{extension}", Path(item.file.name).name)
    given.seek(0)
    assert item.file.read() == given.read()
    with Image.open(item.thumbnail) as small:
        assert (small.format, small.size) == ("JPEG", (192, 144))
    assert files(storage) == sorted([item.file.name, item.thumbnail.name])
    assert task.first_frame == item


@pytest.mark.parametrize("size", [(360, 360), (2000, 2000), (360, 2000)])
def test_the_limits_themselves_are_taken(size):
    create(first_frame=picture(size=size))
    item = MediaInput.objects.get()
    assert (item.width, item.height) == size
    with Image.open(item.thumbnail) as small:
        assert max(small.size) <= 192


def test_a_picture_turned_by_its_camera_is_measured_and_shown_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    create(first_frame=picture(size=(1000, 500), exif=exif.tobytes()))
    item = MediaInput.objects.get()
    assert (item.width, item.height) == (500, 1000)
    with Image.open(item.thumbnail) as small:
        assert small.size == (96, 192)


@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "CMYK"), ("JPEG", "L"), ("PNG", "1"), ("PNG", "P"), ("PNG", "I;16")]
)
def test_unusual_colours_have_a_thumbnail_too(kind, mode):
    target = io.BytesIO()
    Image.new(mode, (640, 480)).save(target, kind)
    create(first_frame=target)
    with Image.open(MediaInput.objects.get().thumbnail) as small:
        assert small.mode == "RGB"


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow says what it cannot read
def test_nonsense_beside_the_pixels_does_no_harm():
    """Cameras write all sorts of things into EXIF; what cannot be read is not copied into the thumbnail."""
    exif = Image.Exif()
    exif[0x0112] = 77
    exif[0x010F] = "a camera\x00\xff"
    exif[0x9286] = b"\x00\xff" * 500
    broken = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x02\x01\x12\x00\x02\xff\xff\xff\xff\xff\xff\xff\xff"
    for tags in (exif.tobytes(), broken, b"Exif\x00\x00"):
        create(first_frame=picture(exif=tags))
    assert MediaInput.objects.exclude(thumbnail="").count() == 3


@pytest.mark.parametrize(
    "source",
    [
        lambda path: path,
        lambda path: path.open("rb"),
        lambda path: io.BytesIO(path.read_bytes()),
        lambda path: [path],
        lambda path: (path,),
    ],
    ids=["a path", "an open file", "a file in memory", "a list of one", "a tuple of one"],
)
def test_a_picture_may_be_given_as_a_path_or_a_file(source, tmp_path_factory):
    path = tmp_path_factory.mktemp("given") / "cat.bin"
    path.write_bytes(picture("PNG").read())
    create(first_frame=source(path))
    item = MediaInput.objects.get()
    assert (item.content_type, item.size) == ("image/png", path.stat().st_size)
    assert path.exists()


def test_a_link_is_passed_on_as_it_is(storage):
    create(first_frame=f"{LINK}?a=b&c=%20", audio="http://sounds.example/a.mp3")
    stored = {
        item.role: (item.url, item.file.name, item.thumbnail.name, item.width) for item in MediaInput.objects.all()
    }
    assert stored == {
        "first_frame": (f"{LINK}?a=b&c=%20", "", "", None),
        "audio": ("http://sounds.example/a.mp3", "", "", None),
    }
    assert files(storage) == []


def test_the_settings_choose_storage_and_folder(settings, storage):
    settings.WANVIDEO = {**settings.WANVIDEO, "STORAGE": "memory", "UPLOAD_TO": "here/"}
    create(first_frame=picture())
    item = MediaInput.objects.get()
    assert item.file.name.startswith("here/inputs/")
    assert item.file.storage.exists(item.file.name)
    assert files(storage) == []


def test_a_setting_that_names_no_storage_is_for_the_check_to_say(settings):
    """Loading the models, and looking at a task, must not need it."""
    task = create(first_frame=LINK)
    settings.WANVIDEO = {**settings.WANVIDEO, "STORAGE": "nowhere"}
    assert MediaInput.objects.get().task == task
    with pytest.raises(InvalidStorageError, match="nowhere"):
        create(first_frame=picture())


@pytest.fixture(params=["the first file", "the row of the input", "the event", "the commit"])
def breakdown(request, monkeypatch):
    """Something goes wrong while a task is being stored."""

    def fail(*args, **kwargs):
        raise OSError("no space left on device")

    if request.param == "the first file":
        monkeypatch.setattr(FileSystemStorage, "_save", fail)
    elif request.param == "the row of the input":
        monkeypatch.setattr(MediaInput, "save", fail)
    elif request.param == "the event":
        monkeypatch.setattr(lifecycle, "record", fail)
    else:
        leave = transaction.Atomic.__exit__

        def leave_badly(self, kind, value, trace):
            if kind is None:
                connection.needs_rollback = True
                leave(self, kind, value, trace)
                fail()
            return leave(self, kind, value, trace)

        monkeypatch.setattr(transaction.Atomic, "__exit__", leave_badly)
    return request.param


def test_a_breakdown_leaves_neither_rows_nor_files(breakdown, storage, monkeypatch):
    before = everything()
    with pytest.raises((OSError, ValidationError), match=r"no space left|does not take the file"):
        creation.get_or_create_task(prompt="A cat", first_frame=picture())
    monkeypatch.undo()
    assert everything() == before
    assert files(storage) == []


# -- changing a draft


def update(task, **changes):
    options = {
        "prompt": task.prompt,
        "parameters": task.parameters,
        "notes": task.notes,
        "metadata": task.metadata,
    } | changes
    creation.update_draft(task, **options)


def test_a_draft_is_changed_as_a_whole_and_keeps_its_picture(storage):
    task = create(first_frame=picture())
    before, item = files(storage), MediaInput.objects.get()
    update(task, prompt="A dog", parameters={"duration": 10}, notes="n", metadata={"a": 1})
    stored = VideoTask.objects.get(pk=task.pk)
    for shown in (task, stored):
        assert (shown.prompt, shown.parameters, shown.notes, shown.metadata) == (
            "A dog",
            {"duration": 10},
            "n",
            {"a": 1},
        )
        assert shown.credits_estimated == Decimal("23.8000")
    assert MediaInput.objects.get() == item
    assert files(storage) == before


@pytest.mark.commit_only
@pytest.mark.django_db(transaction=True)
def test_a_new_picture_replaces_the_old_one_and_its_files(storage):
    task = create(first_frame=picture("JPEG"))
    update(task, first_frame=picture("PNG", size=(500, 500)))
    item = MediaInput.objects.get()
    assert (item.width, item.content_type) == (500, "image/png")
    assert files(storage) == sorted([item.file.name, item.thumbnail.name])
    update(task, first_frame=LINK)
    assert MediaInput.objects.get().url == LINK
    assert files(storage) == []


@pytest.mark.commit_only
@pytest.mark.django_db(transaction=True)
def test_the_old_files_stay_until_the_change_is_committed(storage):
    task = create(first_frame=picture("JPEG"))
    old = files(storage)
    with transaction.atomic():
        update(task, first_frame=LINK)
        assert files(storage) == old
        transaction.set_rollback(True)
    assert files(storage) == old
    assert MediaInput.objects.get().width == 640


def test_a_change_that_is_not_acceptable_changes_nothing(storage):
    task = create(first_frame=picture())
    before, stored = everything(), files(storage)
    with pytest.raises(ValidationError) as caught:
        update(task, prompt="", parameters={"duration": 99}, first_frame=picture(size=(10, 10)), metadata=[])
    assert sorted(caught.value.error_dict) == ["duration", "first_frame", "metadata", "prompt"]
    assert everything() == before
    assert files(storage) == stored


@pytest.mark.parametrize("status", sorted(set(TaskStatus) - {TaskStatus.DRAFT}))
def test_only_a_draft_can_be_changed(status, storage):
    task = create(first_frame=picture())
    VideoTask.objects.update(status=status)
    before, stored = everything(), files(storage)
    with pytest.raises(TransitionNotAllowed, match="Duplicate it"):
        update(task, prompt="A dog", first_frame=picture("PNG"))
    assert everything() == before
    assert files(storage) == stored


def test_a_breakdown_while_changing_leaves_the_draft_as_it_was(storage, monkeypatch):
    task = create(first_frame=picture())
    before, stored = everything(), files(storage)

    def fail(*args, **kwargs):
        raise IntegrityError

    monkeypatch.setattr(MediaInput, "save", fail)
    with pytest.raises(IntegrityError):
        update(task, prompt="A dog", first_frame=picture("PNG"))
    monkeypatch.undo()
    assert everything() == before
    assert files(storage) == stored


def test_a_draft_can_change_its_model_if_its_inputs_fit():
    task = create(first_frame=picture())
    update(task, model="wan2.5-image-to-video")
    assert VideoTask.objects.get().model == "wan2.5-image-to-video"
    with pytest.raises(ValidationError) as caught:
        update(task, model="wan2.6-text-to-video")
    assert list(caught.value.error_dict) == ["first_frame"]


# -- making another one like it


def test_a_duplicate_is_a_draft_of_its_own_with_files_of_its_own(storage, django_user_model):
    ann, bob = (django_user_model.objects.create_user(name) for name in ("ann", "bob"))
    task = create(first_frame=picture("BMP"), duration=7, metadata={"sku": "X1"}, owner=ann)
    VideoTask.objects.update(status=TaskStatus.COMPLETED)
    task.refresh_from_db()
    copy = creation.duplicate(task, by=bob)
    assert (copy.status, copy.parent, copy.owner) == (TaskStatus.DRAFT, task, bob)
    assert (copy.prompt, copy.parameters, copy.metadata) == (task.prompt, {"duration": 7}, {"sku": "X1"})
    first, second = task.first_frame, copy.first_frame
    assert first.file.name != second.file.name
    assert first.file.read() == second.file.read()
    assert (second.width, second.height, second.size, second.content_type) == (640, 480, first.size, "image/bmp")
    assert second.file.name.endswith(".bmp")
    assert len(files(storage)) == 4
    assert second.uploaded_url == ""


def test_a_duplicate_belongs_to_the_first_owner_when_code_makes_it(django_user_model):
    ann = django_user_model.objects.create_user("ann")
    assert creation.duplicate(create(owner=ann)).owner == ann


def test_a_duplicate_can_be_changed():
    task = create(first_frame=picture(), duration=7, audio="https://sounds.example/a.mp3")
    copy = creation.duplicate(task, prompt="A dog", duration=3, first_frame=LINK, quality="1080p")
    assert (copy.prompt, copy.parameters) == ("A dog", {"duration": 3, "quality": "1080p"})
    assert {item.role: item.url for item in copy.inputs.all()} == {
        "first_frame": LINK,
        "audio": "https://sounds.example/a.mp3",
    }


def test_a_duplicate_that_is_not_acceptable_is_not_made(storage):
    task = create(first_frame=picture())
    before, stored = everything(), files(storage)
    with pytest.raises(ValidationError) as caught:
        creation.duplicate(task, duration=99)
    assert list(caught.value.error_dict) == ["duration"]
    assert everything() == before
    assert files(storage) == stored


def test_a_duplicate_of_a_picture_that_is_gone_says_so(storage):
    task = create(first_frame=picture())
    for name in files(storage):
        (storage / name).unlink()
    with pytest.raises(ValidationError) as caught:
        creation.duplicate(task)
    assert caught.value.message_dict == {
        "first_frame": ["The file is gone from this site; choose it again."],
    }
    assert VideoTask.objects.count() == 1


# -- checking again


def test_a_stored_task_is_checked_against_the_catalogue_of_today():
    task = create()
    creation.check_complete(task)
    VideoTask.objects.update(parameters={"duration": 99}, prompt="")
    task.inputs.all().delete()
    task = VideoTask.objects.get()
    with pytest.raises(ValidationError) as caught:
        creation.check_complete(task)
    assert sorted(caught.value.error_dict) == ["duration", "first_frame", "prompt"]


def test_making_a_task_is_a_handful_of_queries():
    with CaptureQueriesContext(connection) as captured:
        create(first_frame=picture())
    written = [query["sql"] for query in captured if query["sql"].startswith(("INSERT", "UPDATE", "SELECT"))]
    assert len(written) == 3, json.dumps(written, indent=1)
    assert TaskEvent.objects.count() == 1


SOUND = "https://sounds.example/rain.mp3"


def test_the_input_of_another_task_may_be_given(storage):
    first = create(first_frame=picture())
    second = create(first_frame=first.first_frame)
    assert second.first_frame.file.name != first.first_frame.file.name
    assert (second.first_frame.width, second.first_frame.role) == (first.first_frame.width, "first_frame")
    linked = create(first_frame=create().first_frame)
    assert linked.first_frame.url == LINK


def test_stored_input_is_taken():
    """A stored input is taken for what it is and not for what it is given as."""
    sound = create(audio=SOUND).inputs.get(role="audio")
    assert problems(first_frame=sound) == {"first_frame": ["wrong_media"]}
    still = create().first_frame
    assert problems(audio=still) == {"audio": ["wrong_media"]}


def test_a_stored_picture_is_checked_like_a_new_one(storage):
    """What one model took may be too small, or too large, for another."""
    old = create(first_frame=picture()).first_frame
    old.file.save("tiny.jpg", picture(size=(100, 100)))
    assert problems(first_frame=old) == {"first_frame": ["sides"]}


@pytest.mark.parametrize(("error", "code"), [(FileNotFoundError, "missing"), (PermissionError, "unreadable")])
def test_a_stored_picture_that_cannot_be_read_is_said_so(storage, monkeypatch, error, code):
    old = create(first_frame=picture()).first_frame

    def refuse(self, name, mode="rb"):
        raise error(name)

    monkeypatch.setattr(FileSystemStorage, "_open", refuse)
    assert problems(first_frame=old) == {"first_frame": [code]}
