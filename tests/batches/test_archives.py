"""ZIP files are unpacked without believing what they say."""

from __future__ import annotations

import io
import stat
import struct
import zipfile

import pytest
from django.core.exceptions import ValidationError

from django_wanvideo.batches import archives, files
from django_wanvideo.models import Batch, BatchFile
from django_wanvideo.testing import picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch():
    return Batch.objects.create(name="Spring")


def packed(*files, method=zipfile.ZIP_STORED):
    """Return a ZIP file; each of ``files`` is a name, or a ``ZipInfo``, and bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data, compress_type=method)
    content.seek(0)
    return content


def refusal(batch, content):
    with pytest.raises(ValidationError) as caught:
        archives.unpack(batch, content)
    assert not BatchFile.objects.exists()
    return caught.value.messages[0].replace("\xa0", " ")


def test_pictures_are_stored_by_their_names_and_junk_is_left_out(batch):
    junk = ["__MACOSX/._fox.jpg", ".DS_Store", "autumn/.DS_Store", "Thumbs.db", "autumn/desktop.ini"]
    content = packed(("autumn/fox.jpg", picture().read()), ("autumn/", b""), *((name, b"x") for name in junk))
    [item] = archives.unpack(batch, content)
    assert (item.name, item.facts["width"], item.problem) == ("autumn/fox.jpg", 640, "")
    assert batch.files.get() == item
    content.seek(0)
    archives.unpack(batch, content)
    assert batch.files.count() == 1


def test_what_is_no_picture_is_listed_with_its_problem(batch):
    [item] = archives.unpack(batch, packed(("readme.txt", b"hello")))
    assert item.problem.startswith("This file is no picture")


def test_a_picture_that_is_too_large_is_listed_and_not_stored(batch, monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES", 20_000)
    large, small = archives.unpack(batch, packed(("a.bmp", picture(kind="BMP").read()), ("b.jpg", picture().read())))
    assert not large.file
    assert large.problem.startswith("The file a.bmp has more than")
    assert small.file


@pytest.mark.parametrize(
    ("name", "flag", "seen"),
    [
        ("grün.jpg", True, "grün.jpg"),
        ("gru\u0308n.jpg", True, "grün.jpg"),
        ("grün.jpg".encode().decode("cp437"), False, "grün.jpg"),
        ("grün.jpg", False, "grün.jpg"),
        ("autumn\\fox.jpg", True, "autumn/fox.jpg"),
    ],
)
def test_names_are_read_as_the_person_who_packed_saw_them(name, flag, seen):
    info = zipfile.ZipInfo("x")
    info.filename, info.flag_bits = name, 0x800 if flag else 0
    assert archives.name_of(info) == seen


def test_a_name_beside_the_old_one_wins():
    info = zipfile.ZipInfo("x")
    info.filename, info.extra = "????.jpg", struct.pack("<HHBI", 0x7075, 5 + 7, 1, 0) + "日.jpg".encode()
    assert archives.name_of(info) == "日.jpg"


def link():
    info = zipfile.ZipInfo("link.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


BAD = [
    ([("../fox.jpg", b"x")], "it names a path outside itself (../fox.jpg)"),
    ([("/etc/fox.jpg", b"x")], "it names a path outside itself (/etc/fox.jpg)"),
    ([("C:\\fox.jpg", b"x")], "it names a path outside itself (C:/fox.jpg)"),
    ([("a/..\\..\\fox.jpg", b"x")], "it names a path outside itself (a/../../fox.jpg)"),
    ([(link(), b"/etc/passwd")], "it has a link in it (link.jpg)"),
    ([("a.jpg", b"x"), ("old.zip", b"x")], "it has another ZIP file in it (old.zip)"),
    ([("a.jpg", picture().read()), ("b.jpg", b"PK\x03\x04x")], "it has another ZIP file in it (b.jpg)"),
    ([(f"{n}.jpg", b"x") for n in range(612)], "it has 612 files, 500 are allowed"),
    ([(".DS_Store", b"x")], "it is empty"),
]


@pytest.mark.parametrize(("files", "said"), BAD, ids=[said for _files, said in BAD])
def test_what_is_not_opened_says_why(batch, files, said):
    assert refusal(batch, packed(*files)) == f"The ZIP file was not opened: {said}."


def test_one_with_a_password_is_not_opened(batch):
    content = bytearray(packed(("a.jpg", b"x")).getvalue())
    content[content.rfind(b"PK\x01\x02") + 8] |= 1
    assert refusal(batch, io.BytesIO(content)) == "The ZIP file was not opened: it has a password."


def test_what_comes_out_is_counted_whatever_is_said(batch, monkeypatch):
    monkeypatch.setattr(archives, "PICTURES", archives.Limits(total=50_000))
    many = [(f"{n}.txt", b"%d" % n * 9_000) for n in range(8)]
    assert "unpacks to" in refusal(batch, packed(*many))
    content = packed(*many).getvalue()
    # Each says that it has one byte.
    for place in range(len(content)):
        if content[place : place + 4] == b"PK\x01\x02":
            content = content[: place + 24] + struct.pack("<I", 1) + content[place + 28 :]
    assert "was not opened" in refusal(batch, io.BytesIO(content))


def test_one_that_unpacks_to_many_times_its_size_is_not_opened(batch, monkeypatch):
    monkeypatch.setattr(archives, "MAX_PICTURE", 100_000)
    bomb = packed(*((f"{n}.txt", bytes(90_000)) for n in range(5)), method=zipfile.ZIP_DEFLATED)
    assert refusal(batch, bomb) == "The ZIP file was not opened: it unpacks to more than 200 times its size."


def test_a_list_of_entries_that_is_too_large_is_not_read(batch):
    content = bytearray(packed(("a.jpg", b"x")).getvalue())
    place = content.rfind(b"PK\x05\x06")
    content[place + 10 : place + 16] = struct.pack("<HI", 60_000, 500_000_000)
    assert refusal(batch, io.BytesIO(content)) == "The ZIP file was not opened: it has 60000 files."


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06", picture().read()])
def test_what_is_no_archive_is_told(batch, content):
    assert refusal(batch, io.BytesIO(content)) == "This file is no ZIP file, or its end is missing."


def test_a_damaged_one_leaves_nothing_behind(batch):
    content = bytearray(packed(("a.jpg", picture().read()), ("b.jpg", picture(color="red").read())).getvalue())
    place = content.find(b"b.jpg") + 200
    content[place] ^= 0xFF
    assert refusal(batch, io.BytesIO(content)) == "The ZIP file was not opened: it is damaged; pack it again."
