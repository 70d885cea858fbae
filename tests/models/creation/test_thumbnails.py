"""A small picture shows what the large one shows, or there is none; the task is made either way."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image
from rq.timeouts import JobTimeoutException

from django_wanvideo.catalog import images
from django_wanvideo.models import MediaInput, VideoTask
from django_wanvideo.models.creation import media
from tests.pictures import picture, saved

#: EXIF's tag for how a picture is turned.
TURNED = 0x0112


@pytest.fixture(autouse=True)
def _own_media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def gradient(mode):
    """A picture from black at the top to white at the bottom."""
    grey = Image.linear_gradient("L").resize((400, 300))
    if mode == "I;16":
        deep = Image.new("I;16", grey.size)
        deep.putdata([value * 257 for value in grey.tobytes()])
        return deep
    if mode in {"I", "F"}:
        return grey.convert(mode).point(lambda value: value * 257)
    if mode == "F of 1":
        return grey.convert("F").point(lambda value: value * (1 / 255))
    return grey.convert(mode)


def small(content):
    with Image.open(io.BytesIO(images.small_jpeg(content, media.THUMBNAIL_SIDE))) as made:
        made.load()
        return made


@pytest.mark.fault("K8.blank-thumbnail")
@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("I;16", "PNG"),
        ("I;16", "TIFF"),
        ("I", "TIFF"),
        ("F", "TIFF"),
        ("F of 1", "TIFF"),
        ("CMYK", "JPEG"),
        ("L", "PNG"),
        ("LA", "PNG"),
        ("P", "PNG"),
        ("P", "BMP"),
        ("RGBA", "WEBP"),
        ("1", "PNG"),
        ("YCbCr", "JPEG"),
    ],
)
def test_dark_is_dark_and_light_is_light_in_every_kind_of_picture(mode, kind):
    made = small(saved(gradient(mode), kind)).convert("L")
    assert made.size == (192, 144)
    top, middle, bottom = (made.crop((0, y, 192, y + 8)).resize((1, 1)).getpixel((0, 0)) for y in (0, 68, 136))
    assert top < 40
    assert 90 < middle < 165
    assert bottom > 215


@pytest.mark.fault("K8.blank-thumbnail")
@pytest.mark.parametrize("value", [0, 300, 65535])
def test_a_picture_of_one_deep_grey_keeps_it(value):
    made = small(saved(Image.new("I;16", (400, 300), value), "PNG")).convert("L")
    assert abs(made.getpixel((50, 50)) - value / 257) < 2


@pytest.mark.fault("K8.transparent-thumbnail")
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_seen_through_is_white(mode):
    image = Image.new("RGBA", (400, 300), (0, 0, 0, 0))
    image.paste((200, 0, 0, 255), (200, 0, 400, 300))
    content = saved(image.quantize() if mode == "P" else image.convert(mode), "PNG")
    made = small(content).convert("L")
    assert made.getpixel((40, 70)) > 240
    assert made.getpixel((150, 70)) < 100


def with_exif(tags):
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    return saved(Image.new("RGB", (640, 480), "teal"), "JPEG", exif=exif)


def refuse(*args, **kwargs):
    raise struct.error("required argument is not an integer")


def phone_exif():
    """EXIF of a turned photo whose unit of resolution, a short by the standard, is written as a fraction."""
    entries = struct.pack("<H", 2)
    entries += struct.pack("<HHIHH", TURNED, 3, 1, 6, 0)
    entries += struct.pack("<HHII", 0x0128, 5, 1, 38)
    entries += struct.pack("<I", 0)
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + entries + struct.pack("<II", 5, 2)


@pytest.mark.fault("K8.odd-exif")
@pytest.mark.django_db
def test_phones_photo_with_odd_exif_becomes_task():
    """A phones photo with odd EXIF becomes a task and has its small picture turned."""
    photo = saved(Image.new("RGB", (640, 480), "teal"), "JPEG", exif=phone_exif())
    with Image.open(photo) as opened, pytest.raises(struct.error):
        opened.getexif().tobytes()
    task = VideoTask.objects.create_task(prompt="A cat", first_frame=photo)
    with Image.open(task.first_frame.thumbnail) as made:
        assert made.size == (144, 192)


@pytest.mark.fault("K8.odd-exif")
def test_the_turn_is_read_without_what_pillow_makes_of_the_rest(monkeypatch):
    photo = with_exif({TURNED: 6})
    monkeypatch.setattr(Image.Image, "getexif", refuse)
    assert small(photo).size == (144, 192)


@pytest.mark.fault("K8.thumbnail-fails")
@pytest.mark.django_db
@pytest.mark.parametrize("error", [ZeroDivisionError("x"), OSError("x"), SyntaxError("x"), MemoryError("x")])
def test_a_small_picture_that_cannot_be_made_is_left_out(monkeypatch, caplog, error):
    def fail(content, longest):
        content.read(10)
        raise error

    monkeypatch.setattr(images, "small_jpeg", fail)
    given = picture()
    task = VideoTask.objects.create_task(prompt="A cat", first_frame=given)
    item = MediaInput.objects.get()
    assert (item.task, item.thumbnail.name) == (task, "")
    with item.file.open("rb") as kept:
        assert kept.read() == given.open().read()
    assert [record.getMessage() for record in caplog.records] == [
        f"{item.file.name} has no small picture for lists. ({type(error).__name__}: x)"
    ]


@pytest.mark.fault("K8.time-limit-passes")
@pytest.mark.django_db
@pytest.mark.parametrize("error", [JobTimeoutException("late"), KeyboardInterrupt()])
def test_time_limit_is_not_taken_for_picture(monkeypatch, error):
    """A time limit is not taken for a picture that cannot be made smaller."""

    def fail(content, longest):
        raise error

    monkeypatch.setattr(images, "small_jpeg", fail)
    with pytest.raises(type(error)):
        VideoTask.objects.create_task(prompt="A cat", first_frame=picture())
    assert not VideoTask.objects.exists()
