"""The form takes what phones and programs make, says what will be sent, and tells what is wrong at its field."""

from __future__ import annotations

import io
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from django_wanvideo.models import MediaInput, VideoTask
from tests.admin.conftest import add_data, hidden, url
from tests.catalog.phone import photo, png_chunk, png_with, scene
from tests.pictures import picture

pytestmark = pytest.mark.django_db


def upload(content, name="photo.jpg", kind="image/jpeg"):
    return SimpleUploadedFile(name, content.getvalue(), kind)


def errors_of(response):
    return {name: list(errors) for name, errors in response.context["adminform"].form.errors.items()}


@pytest.mark.fault("K9.phone-photos-are-refused")
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_photo_of_a_phone_is_taken_and_the_page_says_what_is_sent(admin_client, orientation):
    response = admin_client.post(url("add"), add_data(first_frame_file=upload(photo(orientation, size=(4032, 3024)))))
    assert response.status_code == 302
    item = MediaInput.objects.get()
    assert (item.width, item.height, item.sent_size) == (4032, 3024, (2000, 1500))
    page = admin_client.get(url("change", item.task_id)).content.decode()
    assert "4032 × 3024 px" in page
    assert "It will be sent as 2000 × 1500 JPEG." in page
    VideoTask.objects.update(status="queued")
    assert "It is sent as 2000 × 1500 JPEG." in admin_client.get(url("change", item.task_id)).content.decode()


@pytest.mark.fault("K9.phone-photos-are-refused")
def test_a_refused_form_keeps_the_photo_and_says_what_will_be_sent(admin_client):
    response = admin_client.post(url("add"), add_data(prompt="", first_frame_file=upload(photo(6, size=(4032, 3024)))))
    assert set(errors_of(response)) == {"prompt"}
    assert "It will be sent as 2000 × 1500 JPEG." in response.content.decode()
    token = hidden(response, "first_frame_kept")
    response = admin_client.post(url("add"), add_data(first_frame_file=None, first_frame_kept=token))
    assert response.status_code == 302
    assert MediaInput.objects.get().sent_size == (2000, 1500)


@pytest.mark.fault("K9.phone-photos-are-refused")
def test_a_picture_that_fits_is_not_said_to_be_changed(admin_client):
    admin_client.post(url("add"), add_data())
    page = admin_client.get(url("change", VideoTask.objects.get().pk)).content.decode()
    assert "It will be sent as" not in page.replace('data-fixed="%(facts)s. It will be sent as', "").replace(
        "such picture. It will be sent as", ""
    )


@pytest.mark.fault("K9.other-kinds-are-refused")
@pytest.mark.parametrize("kind", ["AVIF", "TIFF"])
def test_other_kinds_are_taken(admin_client, kind):
    target = io.BytesIO()
    scene().save(target, kind)
    response = admin_client.post(
        url("add"), add_data(first_frame_file=upload(target, f"a.{kind.lower()}", f"image/{kind.lower()}"))
    )
    assert response.status_code == 302
    item = MediaInput.objects.get()
    assert item.sent_size == (800, 600)
    shown = item.thumbnail if kind == "TIFF" else item.file
    assert f'src="{shown.url}"' in admin_client.get(url("change", item.task_id)).content.decode()
    assert f"image/{kind.lower()}" in admin_client.get(url("add")).content.decode()


@pytest.mark.fault("K9.png-with-much-text")
def test_a_png_with_its_recipe_in_it_is_taken(admin_client):
    content = png_with(png_chunk(b"tEXt", b"workflow\x00" + b"{}" * 1_500_000))
    assert (
        admin_client.post(url("add"), add_data(first_frame_file=upload(content, "a.png", "image/png"))).status_code
        == 302
    )


@pytest.mark.fault("K9.link-with-a-space")
def test_a_link_with_a_space_is_told_that_and_not_counted_as_two(admin_client):
    response = admin_client.post(
        url("add"), add_data(first_frame_file=None, first_frame_url="https://a.example/my cat.jpg")
    )
    (message,) = errors_of(response)["first_frame_url"]
    assert "contains a space" in message
    response = admin_client.post(url("add"), add_data(audio_url="https://a.example/my song.mp3"))
    (message,) = errors_of(response)["audio_url"]
    assert "contains a space" in message


@pytest.mark.fault("K9.links-to-private-addresses")
def test_a_link_that_evolink_cannot_read_is_told_at_its_field(admin_client):
    response = admin_client.post(
        url("add"), add_data(first_frame_file=None, first_frame_url="http://localhost:8000/cat.jpg")
    )
    (message,) = errors_of(response)["first_frame_url"]
    assert "private network" in message


@pytest.mark.fault("K9.links-go-as-they-are")
def test_the_form_says_that_links_go_as_they_are(admin_client):
    assert "EvoLink gets the link as it is" in admin_client.get(url("add")).content.decode()


@pytest.mark.fault("K9.normalising")
def test_the_same_words_are_the_same_in_the_form_and_in_code(admin_client):
    words = " \r\n" + "\r\n".join(["A cat\u200b walks."] * 60) + "\r\n "
    admin_client.post(url("add"), add_data(prompt=words, notes=words))
    made = VideoTask.objects.get()
    by_code = VideoTask.objects.create_task(prompt=words, first_frame=picture(), notes=words)
    assert (made.prompt, made.notes) == (by_code.prompt, by_code.notes)
    assert made.prompt == "\n".join(["A cat walks."] * 60)


@pytest.mark.fault("K9.normalising")
def test_a_prompt_of_the_longest_length_passes_in_both(admin_client):
    words = "\r\n".join(["x" * 99] * 15)
    assert len(words) > 1500 > len(words.replace("\r\n", "\n"))
    assert admin_client.post(url("add"), add_data(prompt=words)).status_code == 302
    VideoTask.objects.create_task(prompt=words, first_frame=picture())
    page = admin_client.post(url("add"), add_data(prompt=words, duration="99")).content.decode()
    assert "<span data-wanvideo-length>1499</span>" in page


def nested(levels):
    return '{"a":' * levels + "1" + "}" * levels


BAD_DATA = {
    "equal names": '{"a": 1, "a": 2}',
    "equal names further in": '{"x": [{"a": 1, "b": 2, "a": 1}]}',
    "half a character": '{"a": "\\ud83d"}',
    "half a character in a name": '{"\\udc00": 1}',
    "a NUL": '{"a": "\\u0000"}',
    "200 levels": nested(200),
    "3,000 levels": nested(3000),
    "100,000 levels": nested(100_000),
    "100,000 lists": '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "an endless number": '{"a": 1e999}',
    "no number": '{"a": NaN}',
    "5,000 digits": '{"a": ' + "1" * 5000 + "}",
    "a list": "[1]",
    "a text": '"sku"',
    "no JSON": "{",
    "nothing at all": "null x",
}


@pytest.mark.fault("K9.notes-and-metadata")
@pytest.mark.parametrize("typed", BAD_DATA.values(), ids=BAD_DATA)
def test_data_that_cannot_be_kept_is_error(admin_client, typed):
    """Data that cannot be kept is an error at its field and stays as it was typed."""
    response = admin_client.post(url("add"), add_data(metadata=typed))
    assert response.status_code == 200
    assert len(errors_of(response)["metadata"]) == 1
    assert response.context["adminform"].form["metadata"].value() == typed
    assert not VideoTask.objects.exists()
    VideoTask.objects.create_task(prompt="A cat", first_frame=picture())
    task = VideoTask.objects.get()
    response = admin_client.post(url("change", task.pk), add_data(first_frame_file=None, metadata=typed))
    assert response.status_code == 200
    assert "metadata" in errors_of(response)


@pytest.mark.fault("K9.notes-and-metadata")
@pytest.mark.parametrize("typed", ["", "{}", '{"sku": "X1", "n": [1, 2.5, null, "ü"]}'])
def test_data_that_can_be_kept_is_kept(admin_client, typed):
    assert admin_client.post(url("add"), add_data(metadata=typed)).status_code == 302
    task = VideoTask.objects.get()
    assert task.metadata == json.loads(typed or "{}")
    assert admin_client.post(url("change", task.pk), add_data(first_frame_file=None, metadata=typed)).status_code == 302


@pytest.mark.fault("K9.variations-split-at-line-ends-only")
def test_takes_are_told_apart_by_line_ends_only(admin_client):
    task = VideoTask.objects.create_task(prompt="A cat", first_frame=picture())
    page = admin_client.get(url("make_takes", task.pk))
    typed = "one\u2028still one\x0b\x0c\x85\x1c\x1d\x1e\u2029one\r\ntwo\rthree\n\n"
    admin_client.post(
        url("make_takes", task.pk), {"prompts": typed, "idempotency_key": hidden(page, "idempotency_key")}
    )
    made = set(VideoTask.objects.filter(parent=task).values_list("prompt", flat=True))
    assert made == {"one\u2028still one\x0b\x0c\x85\x1c\x1d\x1e\u2029one", "two", "three"}


@pytest.mark.fault("K9.turned-photos")
def test_the_small_picture_stands_upright(admin_client):
    admin_client.post(url("add"), add_data(first_frame_file=upload(photo(6))))
    with MediaInput.objects.get().thumbnail.open() as small:
        assert Image.open(small).size == (192, 144)
