"""A picture may be given in any form that Django and Python have; what cannot be read is an error at its field."""

from __future__ import annotations

import gc
import io
import os
import socket
import tempfile
import urllib.parse
from pathlib import Path, PurePosixPath

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.core.files.images import ImageFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.db import models
from django.db.models.fields.files import ImageFieldFile
from django.utils.functional import lazystr

from django_wanvideo.models import MediaInput, VideoTask
from tests.pictures import picture

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

DATA = picture().read()


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path


def create(first_frame, **options):
    return VideoTask.objects.create_task(prompt="A cat", first_frame=first_frame, **options)


def refusal(first_frame):
    with pytest.raises(ValidationError) as caught:
        create(first_frame)
    assert set(caught.value.error_dict) == {"first_frame"}
    assert not VideoTask.objects.exists()
    (error,) = caught.value.error_dict["first_frame"]
    return error.code, " ".join(error.messages)


def stored_content():
    with MediaInput.objects.get().file.open("rb") as stored:
        return stored.read()


class Product(models.Model):
    """A row of a shop, with a photo; it is never stored."""

    photo = models.ImageField(upload_to="products/")
    manual = models.FileField(upload_to="manuals/")

    class Meta:
        app_label = "wanvideo_tests"
        managed = False

    def __str__(self):
        return self.photo.name


def product(storage_=None):
    """A product whose photo is stored."""
    shop = Product()
    for field in (shop.photo, shop.manual):
        field.storage = storage_ or FileSystemStorage()
    name = shop.photo.storage.save("products/cat.jpg", ContentFile(DATA))
    shop.photo.name = shop.manual.name = name
    return shop


def read_width(field):
    assert field.width == 640


def close(field):
    field.open()
    field.close()


def read_to_the_end(field):
    field.open()
    assert field.read() == DATA


BEFORE = {
    "untouched": lambda field: None,
    "its width was read": read_width,
    "closed": close,
    "read to its end": read_to_the_end,
    "opened for writing": lambda field: field.open("r+b"),
}


@pytest.mark.fault("K9.field-file-after-use")
@pytest.mark.parametrize("touch", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("store", [FileSystemStorage, InMemoryStorage])
def test_the_file_of_a_field_is_taken_whatever_was_done_to_it(touch, store):
    shop = product(store())
    assert isinstance(shop.photo, ImageFieldFile)
    touch(shop.photo)
    create(shop.photo)
    assert stored_content() == DATA


@pytest.mark.fault("K9.field-file-after-use")
def test_the_callers_own_handle_of_a_field_is_left_alone():
    shop = product()
    shop.photo.open()
    shop.photo.read(10)
    create(shop.photo)
    assert (shop.photo.closed, shop.photo.tell()) == (False, 10)
    shop.photo.close()


@pytest.mark.fault("K9.field-file-after-use")
def test_a_file_that_was_given_to_a_field_and_not_stored_yet_is_taken():
    shop = Product(photo=SimpleUploadedFile("cat.jpg", DATA))
    create(shop.photo)
    assert stored_content() == DATA


@pytest.mark.fault("K9.field-file-gone")
@pytest.mark.parametrize("name", ["photo", "manual"])
def test_a_field_without_a_file_is_nothing(name):
    assert refusal(getattr(Product(), name))[0] == "required"


@pytest.mark.fault("K9.field-file-gone")
def test_a_field_whose_file_is_gone_is_told_so():
    shop = product()
    shop.photo.storage.delete(shop.photo.name)
    assert refusal(shop.photo)[0] == "missing"


class BotoError(Exception):
    """As storages of objects have them: no OSError."""


@pytest.mark.fault("K9.field-file-gone")
@pytest.mark.parametrize("error", [BotoError("no rights"), PermissionError("no rights"), ConnectionError("reset")])
@pytest.mark.parametrize("call", ["_open", "read"])
def test_a_storage_that_does_not_give_the_file_is_told_so(monkeypatch, error, call):
    shop = product()

    def fail(*args):
        raise error

    monkeypatch.setattr(FileSystemStorage if call == "_open" else File, call, fail, raising=False)
    assert refusal(shop.photo)[0] == "unreadable"


def temporary_upload():
    upload = TemporaryUploadedFile("cat.jpg", "image/jpeg", len(DATA), None)
    upload.write(DATA)
    return upload


def spooled(size):
    content = tempfile.SpooledTemporaryFile(max_size=size)  # noqa: SIM115 - handed over
    content.write(DATA)
    return content


class OnlyRead:
    """The least that a stream can be."""

    def __init__(self, content=DATA):
        self._content = io.BytesIO(content)

    def read(self, size=-1):
        return self._content.read(size if size is None or size < 0 else min(size, 1000))


class AllAtOnce:
    def read(self):
        return DATA


class OneWay(io.BytesIO):
    def seekable(self):
        return False

    def seek(self, *args):
        raise io.UnsupportedOperation("seek")


def pipe():
    reader, writer = os.pipe()
    with open(writer, "wb") as out:
        out.write(DATA)
    return open(reader, "rb")


def connection():
    near, far = socket.socketpair()
    near.sendall(DATA)
    near.close()
    stream = far.makefile("rb")
    far.close()
    return stream


GOOD = {
    "an upload in memory": lambda: SimpleUploadedFile("cat.jpg", DATA),
    "an upload on disk": temporary_upload,
    "content": lambda: ContentFile(DATA),
    "an image file": lambda: ImageFile(io.BytesIO(DATA), name="cat.jpg"),
    "a file around bytes": lambda: File(io.BytesIO(DATA)),
    "bytes that were read": lambda: io.BufferedReader(io.BytesIO(DATA)),
    "spooled, in memory": lambda: spooled(1_000_000),
    "spooled, on disk": lambda: spooled(10),
    "only read": OnlyRead,
    "all at once": AllAtOnce,
    "one way": lambda: OneWay(DATA),
    "a pipe": pipe,
    "a connection": connection,
}


@pytest.mark.fault("K9.streams")
@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_whatever_gives_bytes_is_taken(make):
    given = make()
    create(given)
    assert stored_content() == DATA
    if hasattr(given, "close"):
        given.close()


@pytest.mark.fault("K9.streams")
@pytest.mark.parametrize(
    "make", [lambda: io.BytesIO(DATA), temporary_upload, lambda: spooled(10)], ids=["bytes", "upload", "spooled"]
)
def test_callers_file_is_left_open_at_its_beginning(make):
    """A callers file is left open at its beginning and can be given again."""
    given = make()
    for _again in range(2):
        given.seek(17)
        create(given)
        assert (given.closed, given.tell()) == (False, 0)
    assert VideoTask.objects.count() == 2
    given.close()


@pytest.mark.fault("K9.streams")
def test_a_file_of_a_path_is_opened_again_when_it_was_closed(storage):
    path = storage / "cat.jpg"
    path.write_bytes(DATA)
    with path.open("rb") as stream:
        given = File(stream, name=str(path))
    assert given.closed
    create(given)
    assert stored_content() == DATA


def closed(stream):
    stream.close()
    return stream


class Angry(io.BytesIO):
    def read(self, *args):
        raise BotoError("no rights")


class LastsForOneByte(io.BytesIO):
    def read(self, size=-1):
        if size != 1:
            raise TimeoutError("the other side is gone")
        return super().read(size)


class GivesNothingYet:
    def read(self, size=-1):
        return None


def write_only(folder):
    return (folder / "out.jpg").open("wb")


def text_file(folder):
    (folder / "cat.txt").write_text("cat")
    return (folder / "cat.txt").open()


BAD = {
    "closed bytes": (lambda folder: closed(io.BytesIO(DATA)), "closed"),
    "a closed upload": (lambda folder: closed(SimpleUploadedFile("cat.jpg", DATA)), "closed"),
    "a closed upload on disk": (lambda folder: closed(temporary_upload()), "closed"),
    "a closed file": (lambda folder: closed(text_file(folder).buffer), "closed"),
    "write-only": (write_only, "unreadable"),
    "a wrapped write-only file": (lambda folder: File(write_only(folder)), "unreadable"),
    "text": (text_file, "invalid"),
    "wrapped text": (lambda folder: File(text_file(folder)), "invalid"),
    "content of text": (lambda folder: ContentFile("cat"), "invalid"),
    "a stream that fails": (lambda folder: Angry(DATA), "unreadable"),
    "a stream that breaks off": (lambda folder: LastsForOneByte(DATA), "unreadable"),
    "a stream that gives nothing yet": (lambda folder: GivesNothingYet(), "unreadable"),
    "an empty stream": (lambda folder: OnlyRead(b""), "empty"),
    "bytes": (lambda folder: DATA, "invalid"),
    "more bytes": (lambda folder: bytearray(DATA), "invalid"),
    "a view of bytes": (lambda folder: memoryview(DATA), "invalid"),
    "a class": (lambda folder: io.BytesIO, "invalid"),
    "a generator": (lambda folder: (part for part in [DATA]), "invalid"),
    "a path as text": (lambda folder: "/srv/cat.jpg", "scheme"),
    "a path of another system": (lambda folder: "C:\\cat.jpg", "scheme"),
    "a name as text": (lambda folder: "cat.jpg", "scheme"),
    "a lazy name": (lambda folder: lazystr("cat.jpg"), "scheme"),
    "a folder": (lambda folder: folder, "unreadable"),
    "no file": (lambda folder: folder / "none.jpg", "unreadable"),
    "no folder": (lambda folder: folder / "none" / "cat.jpg", "unreadable"),
    "a path with a NUL": (lambda folder: folder / "a\x00b", "unreadable"),
    "a path with half a character": (lambda folder: Path("/nowhere/\udcff"), "unreadable"),
    "a path that is too long": (lambda folder: folder / ("x" * 5000), "unreadable"),
    "a pure path": (lambda folder: PurePosixPath("/nowhere/cat.jpg"), "unreadable"),
}


@pytest.mark.fault("K9.streams")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(("make", "code"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_an_error_at_its_field(storage, make, code):
    found, message = refusal(make(storage))
    assert found == code
    message.encode()


@pytest.mark.fault("K9.paths")
@pytest.mark.parametrize("given", ["/srv/cat.jpg", "cat.jpg", "C:\\cat.jpg", "~/cat.jpg", "../cat.jpg"])
def test_a_path_as_text_is_told_how_paths_are_given(given):
    assert "pathlib.Path" in refusal(given)[1]


@pytest.mark.fault("K9.paths")
def test_bytes_are_told_how_they_are_given():
    assert "ContentFile(data)" in refusal(DATA)[1]


@pytest.mark.fault("K9.paths")
def test_a_pipe_with_a_name_is_not_waited_for(storage):
    os.mkfifo(storage / "pipe.jpg")
    assert refusal(storage / "pipe.jpg")[0] == "unreadable"


@pytest.mark.fault("K9.streams")
def test_a_write_only_file_is_left_where_it_stood(storage):
    with (storage / "out.jpg").open("wb") as given:
        given.write(b"header")
        assert refusal(given)[0] == "unreadable"
        assert (given.closed, given.tell()) == (False, 6)


@pytest.mark.fault("K9.streams")
def test_no_file_stays_open(storage):
    shop = product()
    path = storage / "cat.jpg"
    path.write_bytes(DATA)
    (storage / "bad.jpg").write_bytes(DATA[:500])
    create(path)

    def descriptors():
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    for given in (path, shop.photo, OnlyRead(), MediaInput.objects.first()):
        create(given)
    with pytest.raises(ValidationError):
        create(storage / "bad.jpg")
    assert descriptors() == before


@pytest.mark.fault("K9.links-beyond-ascii")
def test_a_lazy_link_and_one_with_blank_ends_are_links():
    link = "https://a.example/" + urllib.parse.quote("ü")
    for given in (lazystr(link), f" {link}\n", [lazystr(link)]):
        assert create(given).first_frame.url == link
