"""What a model does not take as it is may be made fit; what is stored stays as it was given, and each picture goes once."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from types import SimpleNamespace

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from django.utils.functional import lazystr
from PIL import Image

from django_wanvideo.models import MediaInput, VideoTask
from django_wanvideo.models.creation import creation, media
from tests.catalog.phone import SECRETS, is_upright, photo, scene
from tests.catalog.test_conversion import converted
from tests.factories import everything
from tests.models.creation.test_media import FileService
from tests.pictures import picture

pytestmark = [pytest.mark.django_db, pytest.mark.integration]


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def service():
    return FileService()


def create(first_frame, **options):
    return VideoTask.objects.create_task(**{"prompt": "A cat", "first_frame": first_frame} | options)


def urls(task, service):
    return media.provider_urls(VideoTask.objects.get(pk=task.pk), service)


def sent(service):
    _name, content_type, content = service.taken[-1]
    image = Image.open(io.BytesIO(content))
    return content_type, image, content


@pytest.mark.fault("K9.turned-photos")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_row_small_picture_and_what_is_sent_agree(service, orientation):
    """Row small picture and what is sent agree and the stored one is untouched."""
    given = photo(orientation)
    task = create(given)
    item = MediaInput.objects.get()
    urls(task, service)
    _type, image, content = sent(service)
    assert (item.width, item.height) == image.size == (800, 600)
    assert is_upright(image)
    assert not any(secret in content for secret in SECRETS)
    with item.thumbnail.open() as small:
        shown = Image.open(small)
        assert shown.size == (192, 144)
        assert is_upright(shown)
    with item.file.open() as stored:
        assert stored.read() == given.getvalue()


@pytest.mark.fault("K9.phone-photos-are-refused")
def test_a_photo_of_a_phone_is_refused_in_code_unless_it_may_be_made_fit():
    before = everything()
    with pytest.raises(ValidationError, match="2000 × 1500"):
        create(photo(6, size=(4032, 3024)))
    assert everything() == before


LARGE = {
    "a photo": lambda: photo(6, size=(4032, 3024)),
    "AVIF": lambda: io.BytesIO(converted("AVIF", scene(4032, 3024))),
    "TIFF": lambda: io.BytesIO(converted("TIFF", scene(4032, 3024))),
    "HEIC": lambda: io.BytesIO(converted("HEIC", scene(4032, 3024))),
    "a screenshot": lambda: picture("PNG", (4032, 3024), "RGBA", color=(1, 2, 3, 255)),
}


@pytest.mark.fault("K9.phone-photos-are-refused")
@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE)
def test_the_choice_is_remembered_until_it_is_sent(service, make):
    given = make()
    task = create(given, fix_inputs=True)
    item = MediaInput.objects.get()
    assert (item.width, item.height, item.sent_size) == (4032, 3024, (2000, 1500))
    given.seek(0)
    with item.file.open() as stored:
        assert stored.read() == given.read(), "what is stored is what was given"
    assert item.thumbnail
    urls(task, service)
    content_type, image, _content = sent(service)
    assert (content_type, image.format, image.size) == ("image/jpeg", "JPEG", (2000, 1500))


@pytest.mark.fault("K9.phone-photos-are-refused")
def test_a_picture_that_fits_is_sent_as_it_is(service):
    given = picture()
    task = create(given, fix_inputs=True)
    assert MediaInput.objects.get().sent_size is None
    urls(task, service)
    given.seek(0)
    assert sent(service)[2] == given.read()


@pytest.mark.fault("K9.what-stays-refused")
@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: picture(size=(300, 300)), "sides"),
        (lambda: picture(size=(4000, 400)), "sides"),
        (lambda: picture("PNG", mode="RGBA", color=(0, 0, 0, 0)), "transparency"),
        (lambda: picture("GIF", mode="P"), "format"),
        (lambda: SimpleUploadedFile("cat.jpg", photo(size=(4032, 3024)).getvalue()[:90_000]), "damaged"),
        (lambda: SimpleUploadedFile("cat.jpg", b"no picture"), "not_an_image"),
    ],
    ids=["small", "long", "transparent", "gif", "half", "none"],
)
def test_what_cannot_be_made_fit_is_refused_all_the_same(storage, make, code):
    before = everything()
    with pytest.raises(ValidationError) as caught:
        create(make(), fix_inputs=True)
    assert [error.code for error in caught.value.error_dict["first_frame"]] == [code]
    assert everything() == before
    assert not any(path.is_file() for path in storage.rglob("*"))


@pytest.mark.fault("K9.phone-photos-are-refused")
def test_a_copy_is_made_fit_as_its_original_was(service):
    original = create(photo(8, size=(2400, 1800)), fix_inputs=True)
    copy = creation.duplicate(original)
    assert copy.inputs.get().sent_size == (2000, 1500)
    creation.update_draft(copy, prompt="A dog", parameters={}, notes="", metadata={})
    assert copy.inputs.get().sent_size == (2000, 1500)
    creation.update_draft(copy, prompt="A dog", parameters={}, notes="", metadata={}, model="wan2.5-image-to-video")
    assert copy.inputs.get().sent_size == (2000, 1500)
    urls(copy, service)
    assert is_upright(sent(service)[1])


@pytest.mark.fault("K9.phone-photos-are-refused")
def test_a_draft_may_get_a_photo_that_is_made_fit():
    task = create(picture())
    large = photo(1, size=(2400, 1800))
    changes = {"prompt": "A dog", "parameters": {}, "notes": None, "metadata": None, "first_frame": large}
    with pytest.raises(ValidationError):
        creation.update_draft(task, **changes)
    creation.update_draft(task, **changes, fix_inputs=True)
    assert task.inputs.get().sent_size == (2000, 1500)


# One upload for one picture ----------------------------------------------------------------------------------------


@pytest.mark.fault("K9.the-same-picture-is-uploaded-once")
def test_the_same_picture_in_many_tasks_is_uploaded_once(service):
    tasks = [create(picture(name=f"{number}.jpg")) for number in range(4)]
    found = {urls(task, service)["first_frame"][0] for task in tasks}
    assert found == {"https://files.example/1"}
    assert len(service.taken) == 1
    ends = set(MediaInput.objects.values_list("uploaded_expires_at", flat=True))
    assert len(ends) == 1, "each knows when the shared link ends"


@pytest.mark.fault("K9.the-same-picture-is-uploaded-once")
@pytest.mark.parametrize(("hours", "uploads"), [(25, 1), (23, 2)])
def test_a_link_is_shared_while_it_lives_for_a_day_more(service, hours, uploads):
    service.lifetime = dt.timedelta(hours=hours)
    for _task in range(2):
        urls(create(picture()), service)
    assert len(service.taken) == uploads


@pytest.mark.fault("K9.the-same-picture-is-uploaded-once")
def test_another_picture_and_another_form_of_the_same_are_other_uploads(service):
    large = photo(1, size=(2400, 1800))
    first = create(large, fix_inputs=True)
    urls(first, service)
    large.seek(0)
    second = create(large, fix_inputs=True)
    MediaInput.objects.filter(task=second).update(sent_width=1000, sent_height=750)
    urls(second, service)
    urls(create(picture(color="navy")), service)
    assert len(service.taken) == 3


@pytest.mark.fault("K9.the-same-picture-is-uploaded-once")
@pytest.mark.parametrize("change", [{"API_KEY": "sk-other"}, {"FILES_URL": "https://files.elsewhere.example"}])
def test_a_link_of_another_account_is_not_used(service, settings, change):
    task = create(picture())
    first = urls(task, service)
    settings.WANVIDEO = {**settings.WANVIDEO, **change}
    assert urls(task, service) != first
    assert len(service.taken) == 2
    marks = set(MediaInput.objects.values_list("uploaded_account", flat=True))
    assert not any("sk-" in mark for mark in marks)


@pytest.mark.fault("K9.the-same-picture-is-uploaded-once")
def test_two_workers_at_once_are_harmless(service):
    one, two = create(picture()), create(picture())
    real = service.upload

    def upload(*args, **kwargs):
        service.upload = real
        urls(two, service)
        return real(*args, **kwargs)

    service.upload = upload
    assert urls(one, service) == {"first_frame": ["https://files.example/2"]}
    assert urls(two, service) == {"first_frame": ["https://files.example/1"]}
    assert len({name for name, *_rest in service.taken}) == 2, "neither replaces the other's file"


@pytest.mark.fault("K9.the-same-picture-is-uploaded-once")
def test_a_draft_that_gets_another_picture_does_not_replace_a_shared_file(service):
    task = create(picture())
    urls(task, service)
    creation.update_draft(task, prompt="A cat", parameters={}, notes="", metadata={}, first_frame=picture(color="navy"))
    urls(task, service)
    assert len({name for name, *_rest in service.taken}) == 2


def test_the_checksum_is_that_of_the_stored_file():
    given = picture()
    create(given)
    given.seek(0)
    assert MediaInput.objects.get().sha256 == hashlib.sha256(given.read()).hexdigest()


# Links and words ---------------------------------------------------------------------------------------------------


@pytest.mark.fault("K9.links-beyond-ascii")
def test_a_link_is_kept_as_it_was_given_and_sent_as_machines_read_it(service):
    task = create("https://bücher.example/кот.png")
    assert task.first_frame.url == "https://bücher.example/кот.png"
    assert urls(task, service) == {"first_frame": ["https://xn--bcher-kva.example/%D0%BA%D0%BE%D1%82.png"]}


@pytest.mark.fault("K9.links-to-private-addresses")
@pytest.mark.parametrize("link", ["http://localhost/cat.png", "http://2130706433/", "https://nas.local/cat.png"])
def test_a_link_that_evolink_cannot_read_is_refused_when_it_is_given(settings, link):
    with pytest.raises(ValidationError) as caught:
        create(link)
    assert caught.value.error_dict["first_frame"][0].code == "private_host"
    with pytest.raises(ValidationError):
        create("https://a.example/cat.png", audio=link)
    settings.WANVIDEO = {**settings.WANVIDEO, "ALLOW_PRIVATE_HOSTS": True}
    assert create(link).pk


@pytest.mark.fault("K9.normalising")
def test_words_are_kept_in_one_form():
    task = create(
        "https://a.example/",
        prompt=lazystr(" \r\nA cat\r\nplays\u200b \n"),
        notes=lazystr(" first\r\nsecond \n"),
        metadata={"name": lazystr("Katze")},
        quality=lazystr("1080p"),
    )
    task.refresh_from_db()
    assert (task.prompt, task.notes) == ("A cat\nplays", "first\nsecond")
    assert (task.metadata, task.parameters["quality"]) == ({"name": "Katze"}, "1080p")


@pytest.mark.fault("K9.notes-and-metadata")
def test_no_notes_and_no_data_are_nothing():
    task = create("https://a.example/", notes=None, metadata=None)
    assert (task.notes, task.metadata) == ("", {})
    creation.update_draft(task, prompt="A cat", parameters={}, notes=None, metadata=None)
    assert (task.notes, task.metadata) == ("", {})


@pytest.mark.fault("K9.notes-and-metadata")
@pytest.mark.parametrize(
    "options",
    [
        {"notes": 5},
        {"notes": b"a"},
        {"notes": "\ud83d"},
        {"metadata": {1: 1, "1": 2}},
        {"metadata": {"a": "\ud83d"}},
        {"metadata": {"a": float("inf")}},
        {"prompt": "a\udc00b"},
        {"prompt": "a\x00b"},
        {"prompt": None},
        {"quality": "72\ud8000p"},
        {"quality": "\x00"},
        {"model": "wan\ud800"},
    ],
    ids=str,
)
def test_what_cannot_be_kept_is_an_error_at_its_field(options):
    before = everything()
    with pytest.raises(ValidationError) as caught:
        create("https://a.example/", **options)
    assert set(caught.value.error_dict) == set(options)
    for message in caught.value.messages:
        message.encode()
    assert everything() == before


def test_an_upload_ends_when_the_file_service_says(service):
    task = create(picture())
    urls(task, SimpleNamespace(upload=service.upload))
    assert MediaInput.objects.get().uploaded_expires_at > timezone.now() + dt.timedelta(hours=71)
