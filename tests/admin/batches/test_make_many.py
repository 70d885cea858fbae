"""The page *Make many videos*: three ways in, files that outlive a refused form, and no way to a charge."""

from __future__ import annotations

import io

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from django_wanvideo import catalog
from django_wanvideo.admin.batches import downloads
from django_wanvideo.admin.batches.forms import given
from django_wanvideo.batches import files
from django_wanvideo.choices import BatchState
from django_wanvideo.models import Batch, BatchFile, Preset, VideoTask
from tests.admin.conftest import FLASH, picture
from tests.batches.tables import batch_of

from .forms import LINK, MAKER, archive, checked, checked_table, data, good_rows, table, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def maria(person):
    """Somebody who may make videos."""
    return person(*MAKER, name="maria")


def send(client, pk, upload, **changes):
    """Send one picture, as the script does."""
    return client.post(url("files", pk), {"picture": upload, "model": FLASH, **changes})


def prompts(batch):
    """The prompts of the rows that can be made."""
    return [item.content["prompt"] for item in batch.items.exclude(content_sha256="")]


def test_the_page_is_for_those_who_may_make_videos(person, maria):
    assert person("add_batch").get(url("add")).status_code == 403
    assert person("add_videotask").get(url("add")).status_code == 403
    page = maria.get(url("add")).content.decode()
    assert "Make many videos" in page


def test_looking_at_the_page_stores_nothing(maria):
    maria.get(url("add"))
    assert not Batch.objects.exists()


def test_a_zip_of_pictures_becomes_rows_that_are_checked_and_nothing_more(maria):
    batch = checked(maria, "pictures", pictures=archive("fox.jpg", "owl.jpg"))
    assert (batch.state, batch.name, batch.source_name) == (BatchState.CHECKED, "Autumn postcards", "cards.zip")
    assert prompts(batch) == ["A fox called fox trots on", "A fox called owl trots on"]
    assert not VideoTask.objects.exists()


def test_several_pictures_in_one_form_work_as_well(maria):
    pictures = [picture(name="a.jpg"), picture(name="b.jpg", colour=(1, 2, 3))]
    batch = checked(maria, "pictures", pictures=pictures)
    assert batch.files.count() == 2
    assert batch.source_sha256


def test_a_table_names_pictures_of_its_zip(maria):
    given = table("fox.jpg,fox,5", "no.jpg,hen,5")
    batch = checked(maria, "table", table=given, media=archive("fox.jpg"), prompt="{motif}")
    assert prompts(batch) == ["fox"]
    [bad] = batch.items.filter(content_sha256="")
    assert [problem["column"] for problem in bad.problems] == ["first_frame"]


def test_takes_are_the_same_again_or_have_other_words(maria):
    same = checked(maria, "takes", prompt="A fox", first_frame_file=picture(), takes="3")
    assert prompts(same) == ["A fox"] * 3
    other = checked(maria, "takes", prompt="", first_frame_url=LINK, prompts="A fox\n\nAn owl\n")
    assert prompts(other) == ["A fox", "An owl"]


def test_models_without_a_picture_are_made_from_words(maria):
    text = "wan2.6-text-to-video"
    batch = checked(maria, "takes", model=text, shown_model=text, aspect_ratio="16:9", prompt="A fox", takes="2")
    assert prompts(batch) == ["A fox"] * 2


def test_what_is_refused_keeps_the_files(maria):
    sent = data("table", table=table(*good_rows()), duration="99")
    response = maria.post(url("add"), sent)
    assert response.status_code == 200
    page = response.content.decode()
    assert "cards.csv" in page
    assert "Everything you typed is still here, the files included" in page
    again = {**sent, "duration": "5"}
    del again["table"]
    assert maria.post(url("add"), again).status_code == 303


@pytest.mark.parametrize(
    ("way", "changes", "words"),
    [
        ("pictures", {}, "Choose pictures, or a ZIP file with them."),
        ("table", {}, "Choose a table."),
        ("takes", {}, "This model needs it."),
        ("takes", {"first_frame_url": LINK, "takes": ""}, "Say how many takes, or write a prompt for each."),
        ("takes", {"first_frame_url": LINK, "takes": "21"}, "less than or equal to 20"),
        ("takes", {"first_frame_url": LINK, "prompt": ""}, "Write what should happen in the videos."),
        ("takes", {"first_frame_url": LINK, "prompt": "{nmae}"}, "nmae"),
        ("takes", {"first_frame_url": LINK, "shot_type": "multi", "prompt_extend": None}, "Turn rewriting on"),
    ],
)
def test_what_would_be_wrong_with_every_row_is_said_at_once(maria, way, changes, words):
    response = maria.post(url("add"), data(way, **changes))
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not Batch.objects.filter(state=BatchState.CHECKED).exists()


def test_a_default_leaves_rows_their_own_say(maria):
    given = SimpleUploadedFile("t.csv", f"first_frame,prompt,prompt_extend\r\n{LINK},x,no\r\n".encode())
    batch = checked(maria, "table", table=given)
    assert batch.items.get().problems == []


def test_the_same_page_sent_twice_is_one_batch(maria):
    sent = data("table", table=table(*good_rows()), prompt="{motif}")
    maria.post(url("add"), sent)
    sent["table"].seek(0)
    assert maria.post(url("add"), sent).status_code == 303
    assert Batch.objects.count() == 1
    assert Batch.objects.get().items.count() == 3


def test_one_goes_back_to_what_was_chosen(maria):
    batch = checked_table(maria)
    page = maria.get(f"{url('add')}?batch={batch.pk}").content.decode()
    assert "cards.csv" in page
    assert "A {motif} trots on" in page


def test_another_way_in_forgets_the_files_of_the_first(maria):
    batch = checked_table(maria)
    checked(maria, "pictures", batch=str(batch.pk), pictures=archive("fox.jpg"))
    assert [item.name for item in batch.files.all()] == ["fox.jpg"]


def test_a_preset_fills_in_the_fields_before_anything_is_checked(maria):
    preset = Preset.objects.create(
        name="Slow", slug="slow", model=FLASH, prompt="Slow {name}", parameters={"duration": 9}, owner=maria.user
    )
    sent = data("pictures", preset="slow", pictures=archive("fox.jpg"))
    response = maria.post(url("add"), sent)
    assert response.status_code == 200
    form = response.context["form"]
    assert (form["prompt"].value(), form["duration"].value()) == ("Slow {name}", 9)
    batch = checked(maria, "pictures", batch=sent["batch"], preset="slow", shown_preset="slow", prompt="Slow {name}")
    assert batch.preset == preset
    assert prompts(batch) == ["Slow fox"]


def test_another_model_shows_its_settings_and_keeps_the_files(maria):
    sent = data("pictures", pictures=archive("fox.jpg"), model="wan2.6-image-to-video", duration="7", _model="1")
    response = maria.post(url("add"), sent)
    form = response.context["form"]
    assert form.spec.id == "wan2.6-image-to-video"
    assert form["duration"].value() == "7"
    assert "generate_audio" not in form.fields
    assert "1 picture" in response.content.decode()


def test_pictures_come_one_a_request_and_are_stored_once(maria):
    pk = data()["batch"]
    assert maria.get(url("files", pk)).json() == {"files": []}
    for name in ("a.jpg", "b.jpg", "a.jpg"):
        answer = send(maria, pk, picture(name=name))
        assert answer.status_code == 200
    assert "2 pictures" in answer.json()["html"]
    known = maria.get(url("files", pk)).json()["files"]
    assert [item["name"] for item in known] == ["a.jpg", "b.jpg"]
    assert all(len(item["sha256"]) == 64 for item in known)
    batch = Batch.objects.get()
    assert (batch.owner, batch.state) == (maria.user, BatchState.UPLOADING)
    assert batch.expires_at > timezone.now()
    assert checked(maria, "pictures", batch=pk).items.count() == 2


def test_what_does_not_fit_is_said_when_it_comes(maria):
    pk = data()["batch"]
    html = send(maria, pk, picture(size=(200, 100), name="tiny.jpg")).json()["html"]
    assert "tiny.jpg is left out" in html
    assert "360" in html
    html = send(maria, pk, SimpleUploadedFile("x.pdf", b"%PDF-1.4")).json()["html"]
    assert "x.pdf is left out" in html


def test_a_page_that_is_loaded_again_shows_what_is_there(maria):
    pk = data()["batch"]
    send(maria, pk, picture(name="a.jpg"))
    assert "1 picture" in maria.get(f"{url('add')}?batch={pk}").content.decode()
    anew = maria.get(url("add")).content.decode()
    assert "You began to give files and did not go on." in anew
    assert f"?batch={pk}" in anew


@pytest.mark.parametrize(
    ("limit", "most", "words"),
    [
        ("MOST_FILES", 1, "Give the rest as another batch."),
        ("MOST_BYTES", 100, "The picture has more than"),
        ("MOST_TOGETHER", 6000, "The pictures have more than"),
    ],
)
def test_each_limit_has_its_sentence(maria, monkeypatch, limit, most, words):
    pk = data()["batch"]
    if limit != "MOST_BYTES":
        assert send(maria, pk, picture(name="a.jpg")).status_code == 200
    monkeypatch.setattr(files, limit, most)
    answer = send(maria, pk, picture(name="b.jpg", colour=(1, 2, 3)))
    assert answer.status_code == 409
    assert words in answer.json()["problem"]
    assert BatchFile.objects.count() == (limit != "MOST_BYTES")


def test_nobody_puts_files_into_somebody_elses_batch(maria, person):
    pk = data()["batch"]
    send(maria, pk, picture())
    tom = person(*MAKER)
    assert send(tom, pk, picture(name="b.jpg")).status_code == 404
    assert tom.get(url("files", pk)).status_code == 404
    assert tom.post(url("add"), data(batch=pk)).status_code == 404
    assert person("add_batch").get(url("files", pk)).status_code == 403


def test_new_files_take_the_check_away(maria):
    batch = checked(maria, "pictures", pictures=archive("fox.jpg"))
    assert send(maria, batch.pk, picture(name="b.jpg")).status_code == 200
    response = maria.get(url("check", batch.pk))
    assert response["Location"] == f"{url('add')}?batch={batch.pk}"


def test_the_price_follows_the_number_of_videos(maria):
    pk = data()["batch"]
    send(maria, pk, picture(name="a.jpg"))
    send(maria, pk, picture(name="b.jpg", colour=(1, 2, 3)))
    answer = maria.get(url("price"), data("pictures", batch=pk)).json()
    assert answer["formula"].replace("\xa0", " ") == "2 × 11.90 = about 23.80 credits"
    takes = maria.get(url("price"), data("takes", batch=pk, takes="4")).json()
    assert "about\xa047.60" in takes["formula"]


def test_an_empty_table_can_be_had_for_each_model(maria, person):
    response = maria.get(url("template"), {"model": FLASH})
    assert response["Content-Disposition"] == f'attachment; filename="{FLASH}.csv"'
    assert b"first_frame" in response.content
    assert maria.get(url("template"), {"model": "no"}).status_code == 404
    assert person().get(url("template"), {"model": FLASH}).status_code == 403


def test_the_page_asks_no_more_for_more_files(maria, django_assert_max_num_queries):
    pk = data()["batch"]
    for number in range(4):
        send(maria, pk, picture(name=f"{number}.jpg", colour=(number, 2, 3)))
    with django_assert_max_num_queries(10):
        maria.get(f"{url('add')}?batch={pk}")


def test_the_prompt_is_shown_as_the_first_video_has_it(maria, person):
    batch = checked_table(maria)
    sent = {"batch": str(batch.pk), "prompt": "A {motif}, <b>, {number}"}
    html = maria.post(url("preview"), sent).json()["html"]
    assert html == "A <mark>fox 0</mark>, &lt;b&gt;, <mark>1</mark>"
    assert "<mark>fox 0</mark>" in maria.get(f"{url('add')}?batch={batch.pk}").content.decode()
    assert "nmae" in maria.post(url("preview"), {**sent, "prompt": "{nmae}"}).json()["html"]
    assert maria.post(url("preview"), {"batch": "", "prompt": "{name}"}).json() == {"html": ""}
    assert person(*MAKER).post(url("preview"), sent).status_code == 404
    assert person().post(url("preview"), sent).status_code == 403
    assert maria.get(url("preview")).status_code == 405


def test_the_list_of_tasks_leads_to_the_page_who_may_make_many(maria, person):
    address = "/admin/wanvideo/videotask/"
    assert url("add") in maria.get(address).content.decode()
    assert url("add") not in person("view_videotask", "add_videotask").get(address).content.decode()


def test_what_fits_is_what_is_priced(maria):
    pk = data()["batch"]
    send(maria, pk, picture(name="a.jpg"))
    send(maria, pk, picture(size=(200, 100), name="tiny.jpg"))
    answer = maria.get(url("price"), data("pictures", batch=pk)).json()
    assert answer["formula"].replace("\xa0", " ").startswith("1 × 11.90")


def test_where_excel_cannot_be_written_the_page_says_so(maria, monkeypatch):
    def refuse(*args, **options):
        raise ValidationError("Excel’s tables need openpyxl.")

    batch = checked_table(maria)
    monkeypatch.setattr(downloads.tables, "template", refuse)
    monkeypatch.setattr(downloads.tables, "export", refuse)
    for address in (f"{url('template')}?model={FLASH}&format=xlsx", f"{url('bad_rows', batch.pk)}?format=xlsx"):
        assert "need openpyxl" in maria.get(address, follow=True).content.decode()


def test_an_archive_counts_with_what_was_given_before(maria, monkeypatch):
    sent = data("pictures", pictures=archive("fox.jpg", "owl.jpg"), prompt="")
    maria.post(url("add"), sent)
    monkeypatch.setattr(files, "MOST_FILES", 3)
    response = maria.post(url("add"), data("pictures", batch=sent["batch"], pictures=archive("a.jpg", "b.jpg")))
    assert "Give the rest as another batch." in response.content.decode()
    assert BatchFile.objects.count() == 2


def test_a_file_that_is_no_table_is_refused_at_its_field(maria):
    """A file that is no table is refused at its field and can be replaced."""
    sent = data("table", table=SimpleUploadedFile("t.xls", b"\xd0\xcf\x11\xe0old"), prompt="{motif}")
    response = maria.post(url("add"), sent)
    assert "save it as .xlsx" in str(response.context["form"].errors["table"])
    batch = checked(maria, "table", batch=sent["batch"], table=table(*good_rows()), prompt="{motif}")
    assert [item.name for item in batch.files.all()] == ["cards.csv"]


def test_an_archive_that_is_not_opened_is_refused_at_its_field(maria):
    broken = SimpleUploadedFile("cards.zip", b"PK\x03\x04nothing")
    response = maria.post(url("add"), data("pictures", pictures=broken))
    assert response.context["form"].errors["pictures"] == ["This file is no ZIP file, or its end is missing."]


def test_clips_that_come_with_a_table_are_counted_and_no_bad_pictures():
    batch = batch_of(
        "prompt\nFox\n", media={"walk.mp4": io.BytesIO(b"x"), "fox.jpg": picture(), "b.jpg": io.BytesIO(b"x")}
    )
    shown = given.pictures_shown(batch, catalog.get("wan3.0-reference-video"), fix=True, source="shop.zip")
    assert shown.words.startswith("shop.zip: 2 pictures, 1 other file, ")
    assert (shown.fit, [tile.name for tile in shown.misfits]) == (1, ["b.jpg"])
    alone = given.pictures_shown(batch, catalog.get("wan3.0-reference-video"), fix=True)
    assert alone.fit == 0, "pictures without a table are first frames"
