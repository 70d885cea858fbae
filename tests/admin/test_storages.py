"""The pages on storages that fail in their own way: what is shown beside the task never costs the page."""

from __future__ import annotations

import io

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from rq.timeouts import JobTimeoutException

from django_wanvideo.admin.forms import temporary_uploads
from django_wanvideo.models import MediaInput, VideoTask
from django_wanvideo.models.creation import files
from tests import storages as odd
from tests.admin.conftest import add_data, hidden, store, url
from tests.pictures import picture

pytestmark = pytest.mark.django_db

ERRORS = {
    "ClientError": odd.ClientError("An error occurred (403) https://s3.example/x?X-Amz-Signature=hidden-signature"),
    "PermissionError": PermissionError("403"),
    "NotImplementedError": NotImplementedError("subclasses of Storage must provide this method"),
    "ValueError": ValueError("This file is not accessible via a URL."),
}


@pytest.fixture(autouse=True)
def _afresh(monkeypatch):
    """Nothing was logged and nothing was tidied up before."""
    monkeypatch.setattr(files, "_logged", {})
    monkeypatch.setattr(temporary_uploads, "_forgot_at", None)


@pytest.fixture
def storage(settings):
    """A storage whose methods fail by name."""
    settings.STORAGES = {**settings.STORAGES, "odd": {"BACKEND": "tests.storages.Failing"}}
    settings.WANVIDEO = {**settings.WANVIDEO, "STORAGE": "odd"}
    return storages["odd"]


@pytest.fixture(params=ERRORS)
def failing(request, storage, monkeypatch):
    """Make methods of the storage fail, each test with one kind of error after the other."""
    monkeypatch.setattr(storage, "error", ERRORS[request.param])

    def fail(*names):
        storage.failing = set(names)

    return fail


def errors_of(response):
    return response.context["adminform"].form.errors


# -- addresses


@pytest.mark.fault("K8.storage-without-url")
@pytest.mark.parametrize("status", ["draft", "queued", "processing", "failed", "completed"])
def test_pages_say_in_words_what_a_storage_without_addresses_does_not_show(admin_client, make_task, failing, status):
    task = make_task(status)
    if status == "completed":
        store(task, b"0123456789")
    failing("url")
    listed = admin_client.get(url("changelist"))
    page = admin_client.get(url("change", task.pk))
    live = admin_client.get(url("status"), {"id": task.pk, "page": "1"})
    assert [answer.status_code for answer in (listed, page, live)] == [200, 200, 200]
    assert task.prompt in page.content.decode()
    text = page.content.decode()
    assert 'src=""' not in text
    assert 'href=""' not in text
    if status == "completed":
        assert f"The video is stored as {task.video.name}" in text
        assert "<video" not in text
    if status in {"completed", "failed"}:
        assert f"The picture is stored as {task.first_frame.file.name}" in text


@pytest.mark.fault("K8.storage-without-url")
@pytest.mark.parametrize("name", ["make_takes", "delete"])
def test_the_pages_about_a_task_need_no_address(admin_client, make_task, failing, name):
    task = make_task("failed")
    failing("url")
    assert admin_client.get(url(name, task.pk)).status_code == 200


@pytest.mark.fault("K8.storage-without-url")
def test_the_confirmation_page_needs_no_address(admin_client, make_task, failing):
    tasks = [make_task() for _number in range(2)]
    failing("url")
    data = {"action": "submit_selected", "_selected_action": [task.pk for task in tasks]}
    assert admin_client.post(url("changelist"), data, follow=True).status_code == 200


@pytest.mark.fault("K8.told-once")
def test_list_of_pictures_without_addresses(admin_client, make_task, storage, caplog):
    """A list of pictures without addresses is one line in the log and no secret."""
    for _number in range(3):
        make_task()
    storage.failing = {"url"}
    for _time in range(2):
        assert admin_client.get(url("changelist")).status_code == 200
    said = [record for record in caplog.records if record.name == "django_wanvideo.models.creation.files"]
    assert len(said) == 1
    assert "ClientError" in caplog.text
    assert "hidden-signature" not in caplog.text


@pytest.mark.fault("K8.storage-without-url")
def test_a_storage_that_says_that_it_has_no_addresses_is_no_trouble(admin_client, make_task, settings, caplog):
    settings.STORAGES = {**settings.STORAGES, "odd": {"BACKEND": "tests.storages.WithoutAddresses"}}
    settings.WANVIDEO = {**settings.WANVIDEO, "STORAGE": "odd"}
    make_task()
    assert admin_client.get(url("changelist")).status_code == 200
    assert [record for record in caplog.records if record.name == "django_wanvideo.models.creation.files"] == []


@pytest.mark.fault("K8.video-view")
@pytest.mark.parametrize("method", ["open", "size"])
def test_a_video_that_the_storage_does_not_give_is_not_found(admin_client, make_task, failing, method):
    task = make_task("completed")
    store(task, b"0123456789")
    failing(method)
    assert admin_client.get(url("video", task.pk)).status_code == 404


# -- refused forms


@pytest.mark.fault("K8.refused-form-on-s3")
@pytest.mark.parametrize("method", ["save", "listdir", "delete", "exists", "open", "url", "size"])
def test_a_refused_form_is_shown_whatever_the_storage_does(admin_client, failing, method):
    failing(method)
    refused = admin_client.post(url("add"), add_data(prompt=""))
    assert refused.status_code == 200
    assert list(errors_of(refused)) == ["prompt"]


@pytest.mark.fault("K8.refused-form-on-s3")
@pytest.mark.parametrize("method", ["save", "listdir", "delete", "open"])
def test_the_settings_of_another_model_are_shown_whatever_the_storage_does(admin_client, failing, method):
    failing(method)
    shown = admin_client.post(url("add"), add_data(model="wan2.6-text-to-video", _model="1"))
    assert shown.status_code == 200


@pytest.mark.fault("K8.kept-picture-cannot-be-read")
def test_kept_picture_that_cannot_be_read_just_now(admin_client, storage, failing):
    """A kept picture that cannot be read just now is asked for and taken later."""
    token = hidden(admin_client.post(url("add"), add_data(prompt="")), "first_frame_kept")
    failing("open")
    assert admin_client.get(url("temporary_upload"), {"name": token}).status_code == 404
    refused = admin_client.post(url("add"), add_data(first_frame_file=None, first_frame_kept=token))
    assert (refused.status_code, list(errors_of(refused))) == (200, ["first_frame_file"])
    assert hidden(refused, "first_frame_kept") == token
    assert not VideoTask.objects.exists()
    failing()
    assert admin_client.post(url("add"), add_data(first_frame_file=None, first_frame_kept=token)).status_code == 302


@pytest.mark.fault("K8.kept-picture-cannot-be-read")
def test_draft_keeps_its_picture(admin_client, make_task, failing):
    """A draft keeps its picture when the one that was meant cannot be read."""
    task = make_task()
    data = add_data(first_frame_file=picture(size=(700, 500)), prompt="")
    token = hidden(admin_client.post(url("change", task.pk), data), "first_frame_kept")
    failing("open")
    refused = admin_client.post(url("change", task.pk), add_data(first_frame_file=None, first_frame_kept=token))
    assert list(errors_of(refused)) == ["first_frame_file"]
    assert MediaInput.objects.get().width == 640


@pytest.mark.fault("K8.kept-picture-cannot-be-forgotten")
def test_a_kept_picture_that_cannot_be_deleted_costs_nothing(admin_client, failing, django_capture_on_commit_callbacks):
    token = hidden(admin_client.post(url("add"), add_data(prompt="")), "first_frame_kept")
    failing("delete", "exists", "listdir")
    with django_capture_on_commit_callbacks(execute=True):
        accepted = admin_client.post(url("add"), add_data(first_frame_file=None, first_frame_kept=token))
    assert accepted.status_code == 302
    assert VideoTask.objects.get().first_frame.width == 640


# -- what is made


@pytest.mark.fault("K8.picture-cannot-be-stored")
def test_a_picture_that_the_storage_does_not_take_is_said_at_its_field(admin_client, failing):
    failing("save")
    refused = admin_client.post(url("add"), add_data())
    assert refused.status_code == 200
    assert "does not take the file just now" in str(errors_of(refused)["first_frame_file"])
    assert not VideoTask.objects.exists()


@pytest.mark.fault("K8.duplicates-and-variations")
@pytest.mark.parametrize("method", ["open", "save"])
@pytest.mark.parametrize("how", ["button", "form", "action", "make_takes"])
def test_copies_of_picture_that_storage_does_not_give(admin_client, make_task, failing, method, how):
    """Copies of a picture that the storage does not give are refused in words."""
    task = make_task("failed" if how in {"button", "action"} else "draft")
    failing(method)
    if how == "button":
        answer = admin_client.post(url("operate", task.pk, "duplicate"), follow=True)
    elif how == "form":
        answer = admin_client.post(
            url("change", task.pk), add_data(first_frame_file=None, _save=None, _duplicate="1"), follow=True
        )
    elif how == "action":
        data = {"action": "duplicate_selected", "_selected_action": [task.pk]}
        answer = admin_client.post(url("changelist"), data, follow=True)
    else:
        form = {
            "prompts": "A dog\nA cow",
            "idempotency_key": hidden(admin_client.get(url("make_takes", task.pk)), "idempotency_key"),
        }
        answer = admin_client.post(url("make_takes", task.pk), form, follow=True)
    assert answer.status_code == 200
    assert "just now" in answer.content.decode()
    assert VideoTask.objects.count() == 1


@pytest.mark.fault("K8.deletes")
@pytest.mark.parametrize("how", ["page", "action"])
def test_tasks_are_deleted_whatever_the_storage_does(
    admin_client, make_task, failing, how, django_capture_on_commit_callbacks
):
    task = make_task("completed")
    store(task, b"0123456789")
    failing("delete", "exists", "open", "url", "size")
    with django_capture_on_commit_callbacks(execute=True):
        if how == "page":
            answer = admin_client.post(url("delete", task.pk), {"post": "yes"})
        else:
            data = {"action": "delete_selected", "_selected_action": [task.pk], "post": "yes"}
            answer = admin_client.post(url("changelist"), data)
    assert answer.status_code == 302
    assert not VideoTask.objects.exists()


# -- what is kept


def test_old_pictures_of_refused_forms_are_looked_for_once_an_hour(admin_client, storage, monkeypatch):
    looks = []
    monkeypatch.setattr(temporary_uploads, "forget_old", lambda: looks.append(1))
    for _time in range(3):
        admin_client.post(url("add"), add_data(prompt=""))
    assert len(looks) == 1


@pytest.mark.fault("K8.forget-old")
def test_one_old_picture_that_cannot_be_deleted_keeps_no_other(storage, monkeypatch):
    for name in ("a.jpg", "b.jpg"):
        storage.save(f"{temporary_uploads.FOLDER}/2020-01-01/{name}", picture())
    delete = odd.Overwriting.delete

    def refuse_one(self, name):
        if name.endswith("a.jpg"):
            raise odd.ClientError("locked")
        delete(self, name)

    monkeypatch.setattr(odd.Overwriting, "delete", refuse_one)
    temporary_uploads.forget_old()
    assert odd.names(storage) == [f"{temporary_uploads.FOLDER}/2020-01-01/a.jpg"]


def test_a_time_limit_passes_through_what_nothing_depends_on(storage, monkeypatch):
    monkeypatch.setattr(storage, "error", JobTimeoutException("late"))
    storage.failing = {"delete", "url", "listdir"}
    task = VideoTask.objects.create(prompt="p", model="m", video="x.mp4")
    with pytest.raises(JobTimeoutException):
        files.delete_unreferenced(storage, "y.mp4")
    with pytest.raises(JobTimeoutException):
        files.url_of(task.video)
    with pytest.raises(JobTimeoutException):
        temporary_uploads.forget_old()


PAGE = b"<!doctype html><script>alert(document.domain)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


def polyglot(kind="GIF"):
    target = io.BytesIO()
    Image.new("RGB", (640, 480)).save(target, kind)
    return target.getvalue() + PAGE


@pytest.mark.fault("K10.refused-file-is-served")
@pytest.mark.parametrize("name", ["evil.html", "evil.jpg", ".htaccess"])
@pytest.mark.parametrize("content", [PAGE, SVG, b"GIF89a" + PAGE, polyglot(), b"\xff\xd8\xff" + PAGE, b"x"])
@pytest.mark.parametrize("data", [{}, {"prompt": ""}, {"model": "wan2.6-text-to-video", "_model": "1"}])
def test_what_is_no_picture_is_never_stored(admin_client, storage, name, content, data):
    upload = SimpleUploadedFile(name, content, "image/jpeg")
    response = admin_client.post(url("add"), add_data(first_frame_file=upload, **data))
    assert response.status_code == 200
    assert odd.names(storage) == []
    assert not hidden(response, "first_frame_kept")


@pytest.mark.fault("K10.refused-file-is-served")
@pytest.mark.parametrize(("kind", "extension"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("BMP", "bmp")])
@pytest.mark.parametrize("name", ["evil.html", "evil.svg", "evil.shtml", "evil.JPG/../x.html"])
def test_a_picture_is_kept_under_the_extension_of_what_it_is(admin_client, storage, kind, extension, name):
    content = picture(kind=kind).read() + (PAGE if kind == "JPEG" else b"")
    upload = SimpleUploadedFile(name, content, "text/html")
    token = hidden(admin_client.post(url("add"), add_data(first_frame_file=upload, prompt="")), "first_frame_kept")
    (stored,) = odd.names(storage)
    assert stored.startswith(temporary_uploads.FOLDER)
    assert stored.endswith(f".{extension}")
    shown = admin_client.get(url("temporary_upload"), {"name": token})
    assert shown["Content-Type"] == f"image/{kind.lower()}"
    assert shown["X-Content-Type-Options"] == "nosniff"
    accepted = admin_client.post(url("add"), add_data(first_frame_file=None, first_frame_kept=token))
    assert accepted.status_code == 302
    assert {name.rpartition(".")[2] for name in odd.names(storage)} <= {extension, "jpg"}


@pytest.mark.fault("K10.refused-file-is-served")
def test_a_picture_that_is_refused_for_its_size_is_kept_as_a_picture(admin_client, storage):
    response = admin_client.post(url("add"), add_data(first_frame_file=picture(size=(100, 100), name="evil.html")))
    assert list(errors_of(response)) == ["first_frame_file"]
    assert [name.rpartition(".")[2] for name in odd.names(storage)] == ["jpg"]
