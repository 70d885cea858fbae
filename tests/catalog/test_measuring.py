"""What clips, sounds and documents are is read from their headers, by a process that may hang or break."""

from __future__ import annotations

import io
import zipfile
from decimal import Decimal

import pypdf
import pytest
from django.core.exceptions import ValidationError

from django_wanvideo import catalog
from django_wanvideo.catalog import media
from django_wanvideo.catalog.media import limits, measuring
from tests.clips import clip, silence

REFERENCE = catalog.get("wan3.0-reference-video")
CLIP = clip("red", "green", size=(320, 240))


def measured(content, role, name=""):
    stream = io.BytesIO(content)
    facts = media.measure(stream, REFERENCE.input(role), name)
    assert stream.tell() == 0, "whoever stores it reads it from its beginning"
    return facts


def code(content, role, name=""):
    with pytest.raises(ValidationError) as caught:
        measured(content, role, name)
    return caught.value.code


def document(*parts):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for part in parts:
            archive.writestr(part, "x")
    return target.getvalue()


def pdf(pages, password=""):
    writer, target = pypdf.PdfWriter(), io.BytesIO()
    for _number in range(pages):
        writer.add_blank_page(100, 100)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    writer.write(target)
    return target.getvalue()


@pytest.mark.parametrize(("kind", "name"), [("mp4", "MP4"), ("mov", "MOV")])
def test_a_clip_has_a_length_and_a_size_whatever_it_is_called(kind, name):
    facts = measured(clip("red", "green", size=(320, 240), kind=kind), "reference_videos", "song.mp3")
    assert (facts.format, facts.width, facts.height, facts.seconds) == (name, 320, 240, Decimal(2))


@pytest.mark.parametrize(("kind", "name"), [("wav", "WAV"), ("mp3", "MP3")])
def test_a_sound_has_a_length(kind, name):
    content = silence(2.5, kind)
    facts = measured(content, "audio")
    assert (facts.format, facts.size, facts.width) == (name, len(content), None)
    assert abs(facts.seconds - Decimal("2.5")) < Decimal("0.2"), "an MP3 has whole frames"


def test_a_document_is_known_by_what_is_in_it():
    office = ("[Content_Types].xml", "word/document.xml")
    assert (measured(pdf(3), "document").format, measured(pdf(3), "document").pages) == ("PDF", 3)
    assert measured(document(*office), "document", "a.pdf").format == "DOCX"
    assert measured(document("Index/Document.iwa"), "document", "a.numbers").format == "NUMBERS"
    assert (
        measured(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le") + b"\0\0", "document").format
        == "XLS"
    )
    assert measured("Grüße".encode(), "document").format == "TXT"
    assert measured(b"# Fox", "document", "Read.ME.md").format == "MD"
    assert code(pdf(1, "secret"), "document") == "locked"


@pytest.mark.parametrize(
    ("content", "role", "expected"),
    [
        (b"", "audio", "empty"),
        (bytes(range(256)) * 8, "audio", "unknown_format"),
        (CLIP[:-200], "reference_videos", "damaged"),
        (CLIP[:40] + b"\xff" * 5000, "reference_videos", "damaged"),
        (silence(2)[:500], "audio", "damaged"),
        (b"%PDF-1.4 and no more", "document", "damaged"),
        (b"PK\x03\x04" + bytes(100), "document", "damaged"),
    ],
)
def test_what_cannot_be_read_is_refused(content, role, expected):
    assert code(content, role) == expected


def test_what_hangs_or_breaks_what_reads_it_is_refused(monkeypatch, tmp_path):
    script = tmp_path / "headers.py"
    monkeypatch.setattr(measuring.headers, "__file__", str(script))
    script.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert code(CLIP, "reference_videos") == "damaged"
    script.write_text("import time\ntime.sleep(60)")
    monkeypatch.setattr(measuring, "SECONDS", 0.2)
    assert code(CLIP, "reference_videos") == "unmeasurable"
    monkeypatch.setattr(measuring.processes.sys, "executable", "/nowhere/python")
    assert code(CLIP, "reference_videos") == "unmeasured", "not the file's fault"


def test_what_reads_a_file_gets_no_secrets(monkeypatch, tmp_path):
    script = tmp_path / "headers.py"
    script.write_text("import json, os\nprint(json.dumps({'format': ' '.join(os.environ)}))")
    monkeypatch.setattr(measuring.headers, "__file__", str(script))
    monkeypatch.setenv("EVOLINK_API_KEY", "sk-secret")
    assert "EVOLINK_API_KEY" not in measured(CLIP, "reference_videos").format.split()


def test_without_the_extra_a_length_is_unknown_and_that_is_said(monkeypatch):
    monkeypatch.setattr(measuring.importlib.util, "find_spec", lambda name: None)
    facts = measured(CLIP, "reference_videos")
    assert (facts.format, facts.seconds, facts.width) == ("MP4", None, None)
    wanted = REFERENCE.input("reference_videos")
    assert "django-wanvideo[media]" in " ".join(map(str, limits.remarks(wanted, facts)))
    assert "opened by EvoLink only" in " ".join(map(str, limits.remarks(wanted, catalog.MediaFacts(), is_link=True)))
