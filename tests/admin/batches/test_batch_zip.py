"""The videos of a batch come as one ZIP that is made while it is sent, and holds what the person may see."""

from __future__ import annotations

import asyncio
import csv
import io
import tracemalloc
import warnings
import zipfile

import pytest
from asgiref.sync import sync_to_async
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db import connections
from django.test import AsyncClient

from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.admin.views import archives
from django_wanvideo.models import BatchItem, VideoTask
from tests.admin.batches.factories import filmed, made, standing, url


def opened(response):
    """The archive of an answer."""
    return zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))


def manifest(archive):
    return list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode("utf-8-sig"))))


@pytest.fixture
def films(admin_client):
    """A batch of four, of which three have their video."""
    batch = standing(made(admin_client.user), "completed", "completed", "queued", "completed")
    for task in batch.tasks.filter(status="completed"):
        filmed(task, f"film {task.row_number}".encode())
    return batch


def test_all_videos_come_under_the_names_of_their_rows(admin_client, films):
    BatchItem.objects.filter(batch=films, number=2).update(data={"name": "../Füchse & Co."})
    response = admin_client.get(url("videos", films.pk))
    assert response["Content-Disposition"] == 'attachment; filename="autumn-postcards.zip"'
    archive = opened(response)
    assert archive.testzip() is None
    names = ["0001-fox-1.mp4", "0002-fuechse-co.mp4", "0004-fox-4.mp4", "manifest.csv"]
    assert archive.namelist() == names
    assert archive.read("0004-fox-4.mp4") == b"film 4"
    lines = manifest(archive)
    assert [line["file"] for line in lines] == names[:3]
    assert lines[0] == {
        "row": "1",
        "file": "0001-fox-1.mp4",
        "task": str(films.tasks.get(row_number=1).pk),
        "prompt": "fox 1",
        "credits": "11.9",
        "sha256": "5e" * 32,
        "problem": "",
    }


def test_cells_of_the_manifest_are_no_formulas(admin_client, films):
    VideoTask.objects.filter(batch=films, row_number=1).update(prompt='=HYPERLINK("https://evil.example")')
    assert manifest(opened(admin_client.get(url("videos", films.pk))))[0]["prompt"].startswith("'=HYPERLINK")


@pytest.mark.parametrize("breaks", ["at once", "in the middle", "too short"])
def test_a_video_that_the_storage_does_not_give_is_left_out_and_named(admin_client, films, monkeypatch, breaks):
    broken = films.tasks.get(row_number=2).video
    real = Storage.open

    class Cut(io.BytesIO):
        def read(self, size=-1):
            raise OSError("The line is cut.")

    def give(self, name, mode="rb"):
        if name != broken.name:
            return real(self, name, mode)
        if breaks == "at once":
            raise FileNotFoundError(name)
        return Cut() if breaks == "in the middle" else ContentFile(b"fi")

    monkeypatch.setattr(Storage, "open", give)
    archive = opened(admin_client.get(url("videos", films.pk)))
    assert archive.namelist() == ["0001-fox-1.mp4", "0004-fox-4.mp4", "manifest.csv"]
    line = manifest(archive)[1]
    assert (line["row"], line["file"]) == ("2", "")
    assert "did not give this video" in line["problem"]


def test_only_what_the_person_may_see_is_in_it(person, films, monkeypatch):
    somebody = person("view_videotask")
    VideoTask.objects.filter(batch=films, row_number=4).update(owner=somebody.user)
    monkeypatch.setattr(VideoTaskAdmin, "get_visible_queryset", lambda self, request, rows: rows.owned_by(request.user))
    archive = opened(somebody.get(url("videos", films.pk)))
    assert archive.namelist() == ["0004-fox-4.mp4", "manifest.csv"]
    assert [line["row"] for line in manifest(archive)] == ["4"]


class Large(Storage):
    """Gives videos of 20 MB each, piece by piece."""

    def open(self, name, mode="rb"):
        left = [20_000_000]

        class Stream(ContentFile):
            def read(self, size=-1):
                size = min(size, left[0])
                left[0] -= size
                return b"\0" * size

        return Stream(b"")


def test_memory_does_not_grow_with_the_videos(admin_client, films, monkeypatch):
    storage = Large()
    monkeypatch.setattr(VideoTask._meta.get_field("video"), "storage", storage)
    VideoTask.objects.filter(batch=films).exclude(video="").update(video_size=20_000_000)
    # What a first request loads is no matter of the archive.
    sum(map(len, admin_client.get(url("videos", films.pk)).streaming_content))
    tracemalloc.start()
    try:
        size = sum(map(len, admin_client.get(url("videos", films.pk)).streaming_content))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 60_000_000
    assert peak < 6_000_000, f"{peak:,} bytes"


@pytest.mark.django_db(transaction=True)
def test_an_asynchronous_server_sends_piece_by_piece_too(admin_client, films):
    client = AsyncClient()
    client.cookies = admin_client.cookies

    async def ask():
        response = await client.get(url("videos", films.pk))
        assert response.is_async
        try:
            return [piece async for piece in response]
        finally:
            # The thread in which Django works has a connection of its own.
            await sync_to_async(connections.close_all)()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pieces = asyncio.run(ask())
    assert len(pieces) > 4
    assert zipfile.ZipFile(io.BytesIO(b"".join(pieces))).testzip() is None


def test_without_what_makes_archives_the_page_says_what_to_install(admin_client, films, monkeypatch):
    assert "Download 3 videos (ZIP" in admin_client.get(url("change", films.pk)).content.decode()
    monkeypatch.setattr(archives, "can_zip", lambda: False)
    words = admin_client.get(url("change", films.pk)).content.decode()
    assert "has installed django-wanvideo[tables]" in words
    assert url("videos", films.pk) not in words
    assert admin_client.get(url("videos", films.pk)).status_code == 404


def test_the_table_comes_as_a_file(admin_client):
    batch = made(admin_client.user, bad=1)
    response = admin_client.get(url("table", batch.pk))
    assert response["Content-Disposition"] == 'attachment; filename="autumn-postcards-table.csv"'
    assert b"row" in b"".join(response.streaming_content)
    bad = admin_client.get(url("table", batch.pk), {"bad": "1"})
    assert b"5" in b"".join(bad.streaming_content)
