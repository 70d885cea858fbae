"""A video that is copied into a file field: under a name of its own, all of it or nothing."""

from __future__ import annotations

import pytest
from django import forms
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile

from django_wanvideo.chooser import VideoFileField
from django_wanvideo.models import VideoTask
from example_project.shop.admin import ProductAdmin
from example_project.shop.models import Product
from tests.chooser.conftest import errors, field, options, page, save
from tests.storages import Failing

REFUSED = "This video cannot be chosen: it is not finished, it was deleted, or you may not see it."
NOT_TAKEN = "This site’s storage does not take the file just now. Try again in a few minutes."
NOT_GIVEN = "The site’s storage does not give this video just now. Try again in a few minutes."


@pytest.fixture
def loops(monkeypatch):
    """Keep loops in a storage that can fail."""
    storage = Failing()
    monkeypatch.setattr(Product._meta.get_field("loop"), "storage", storage)
    return storage


def stored(storage, folder="products/loops"):
    try:
        return storage.listdir(folder)[1]
    except FileNotFoundError:
        return []


def test_the_page_offers_a_file_and_a_video(admin_client, cup, make_video):
    task = make_video()
    row = field(page(admin_client, cup), "loop")
    assert '<input type="file" name="loop"' in row
    assert options(row, "loop-video") == ["", str(task.pk)]


def test_the_file_is_copied_under_a_name_of_its_own(admin_client, cup, make_video, loops):
    """Also in a storage that puts a file in the place of another of its name."""
    task = make_video(b"x" * 200_000, prompt="A canoe glides")
    assert save(admin_client, cup, **{"loop-video": str(task.pk)}).status_code == 302
    cup.refresh_from_db()
    assert cup.loop.name.startswith("products/loops/a-canoe-glides-")
    assert cup.loop.name.endswith(".mp4")
    assert cup.loop.read() == b"x" * 200_000
    first = cup.loop.name
    assert first != task.video.name
    # The same again is another file, and the task's own is as it was.
    assert save(admin_client, cup, **{"loop-video": str(task.pk)}).status_code == 302
    cup.refresh_from_db()
    assert cup.loop.name != first
    task.refresh_from_db()
    assert task.video.read() == b"x" * 200_000


def test_the_file_is_read_in_chunks(admin_client, cup, make_video, monkeypatch):
    task = make_video(b"x" * 300_000)
    read, sizes = FileSystemStorage.open, []

    def counted(self, name, mode="rb"):
        opened = read(self, name, mode)
        if mode == "rb" and name == task.video.name:
            take = opened.file.read
            opened.file = _Counted(opened.file, lambda size: sizes.append(size) or take(size))
        return opened

    monkeypatch.setattr(FileSystemStorage, "open", counted)
    assert save(admin_client, cup, **{"loop-video": str(task.pk)}).status_code == 302
    assert len(sizes) > 2
    assert all(size and 0 < size <= 100_000 for size in sizes)


class _Counted:
    def __init__(self, file, read):
        self._file, self.read = file, read

    def __getattr__(self, name):
        return getattr(self._file, name)


def test_uploading_and_clearing_work_as_before(admin_client, cup):
    assert save(admin_client, cup, loop=SimpleUploadedFile("own.mp4", b"own")).status_code == 302
    cup.refresh_from_db()
    assert cup.loop.read() == b"own"
    assert save(admin_client, cup).status_code == 302
    cup.refresh_from_db()
    assert cup.loop
    assert "own.mp4" in field(page(admin_client, cup), "loop")
    assert save(admin_client, cup, **{"loop-clear": "on"}).status_code == 302
    cup.refresh_from_db()
    assert not cup.loop


def test_a_file_and_a_video_are_one_too_many(admin_client, cup, make_video):
    both = {"loop": SimpleUploadedFile("own.mp4", b"own"), "loop-video": str(make_video().pk)}
    assert errors(save(admin_client, cup, **both)) == {"loop": ["Choose a video or a file, not both."]}


@pytest.mark.parametrize("status", ["draft", "processing", "failed"])
def test_only_a_finished_video_is_copied(admin_client, cup, make_task, status):
    assert errors(save(admin_client, cup, **{"loop-video": str(make_task(status).pk)})) == {"loop": [REFUSED]}


def test_a_video_whose_file_is_gone_is_refused(admin_client, cup, make_video):
    task = make_video()
    task.video.storage.delete(task.video.name)
    assert errors(save(admin_client, cup, **{"loop-video": str(task.pk)})) == {"loop": [NOT_GIVEN]}


def test_only_what_the_person_may_see_is_copied(seller, cup, make_video):
    task, maria = make_video(), seller()
    assert errors(save(maria, cup, **{"loop-video": str(task.pk)})) == {"loop": [REFUSED]}


def test_a_form_with_another_error_copies_nothing_and_keeps_the_choice(admin_client, cup, make_video, loops):
    task = make_video()
    # Not even asked.
    loops.failing = {"save"}
    response = save(admin_client, cup, name="", **{"loop-video": str(task.pk)})
    assert list(errors(response)) == ["name"]
    loops.failing = set()
    assert stored(loops) == []
    assert f'<option value="{task.pk}" selected>' in field(response.content.decode(), "loop")


def test_a_storage_that_fails_is_an_error_of_the_form(admin_client, cup, make_video, loops):
    """A storage that fails is an error of the form and keeps what was there."""
    Product.objects.filter(pk=cup.pk).update(loop=loops.save("products/loops/old.mp4", ContentFile(b"old")))
    loops.failing = {"save"}
    response = save(admin_client, cup, **{"loop-video": str(make_video().pk)})
    assert errors(response) == {"loop": [NOT_TAKEN]}
    assert "old.mp4" in field(response.content.decode(), "loop")
    cup.refresh_from_db()
    assert cup.loop.name == "products/loops/old.mp4"
    assert stored(loops) == ["old.mp4"]


def test_what_a_storage_has_written_before_it_fails_is_deleted(admin_client, cup, make_video, monkeypatch, tmp_path):
    class Breaking(FileSystemStorage):
        def _save(self, name, content):
            super()._save(name, ContentFile(b"half"))
            raise OSError("No space left on device")

    storage = Breaking(tmp_path / "loops")
    monkeypatch.setattr(Product._meta.get_field("loop"), "storage", storage)
    assert errors(save(admin_client, cup, **{"loop-video": str(make_video().pk)})) == {"loop": [NOT_TAKEN]}
    assert stored(storage) == []


def test_a_copy_of_what_was_not_saved_is_deleted(admin_client, cup, make_video, loops, monkeypatch):
    task, seen = make_video(), []

    def save_model(self, request, obj, form, change):
        obj.save()
        seen.extend(stored(loops))
        raise RuntimeError("The database is full.")

    monkeypatch.setattr(ProductAdmin, "save_model", save_model)
    with pytest.raises(RuntimeError):
        save(admin_client, cup, **{"loop-video": str(task.pk)})
    assert len(seen) == 1
    assert stored(loops) == []


def test_a_form_of_ones_own(make_video, db):
    """Without an admin the object's own saving copies the file, as it does any upload."""
    task = make_video(b"a loop")

    class LoopForm(forms.ModelForm):
        loop = VideoFileField(required=False, queryset=VideoTask.objects.all())

        class Meta:
            model = Product
            fields = ["name", "loop"]

    form = LoopForm({"name": "Lamp", "loop-video": str(task.pk)})
    assert form.is_valid(), form.errors
    lamp = form.save()
    lamp.refresh_from_db()
    assert lamp.loop.read() == b"a loop"
    assert lamp.loop.name != task.video.name
    assert form.is_multipart()


@pytest.mark.parametrize(
    ("attribute", "value", "code"),
    [
        ("video_files", ["name"], "wanvideo.chooser.E001"),
        ("video_files", ["lop"], "wanvideo.chooser.E001"),
        ("video_sources", {"name": "photo"}, "wanvideo.chooser.E002"),
        ("video_sources", {"video": "name"}, "wanvideo.chooser.E002"),
    ],
)
def test_wrong_names_are_told_when_the_site_starts(monkeypatch, attribute, value, code):
    from django.contrib import admin

    monkeypatch.setattr(ProductAdmin, attribute, value)
    assert code in [found.id for found in admin.site.get_model_admin(Product).check()]
