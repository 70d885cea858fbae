"""What is said of each kind of wrong cell: a fact about it, and what to write instead."""

from __future__ import annotations

import csv
import dataclasses
import io

import pytest
from django.core.files.base import ContentFile
from django.utils import translation

from django_wanvideo import batches, catalog
from django_wanvideo.batches import checking, inputs, wording
from django_wanvideo.testing import picture
from tests.batches.tables import batch_of

LINK = "https://example.com/fox.jpg"
FLASH = "Wan 2.6 Flash"
NARROW = "\xa0"

#: A cell, its column, and the two sentences.
CASES = [
    ("first_frame", "", "There is no picture, and this model needs one.", "The name of a file in the ZIP, or a link"),
    (
        "first_frame",
        "fox-firs.jpg",
        "This picture is not in shop.zip.",
        "fox_firs.jpg, which is there; or add the picture",
    ),
    ("first_frame", "unlike.jpg", "This picture is not in shop.zip.", "Another name; or add the picture"),
    ("first_frame", "twice.jpg", "The ZIP file has this name twice.", "The name with its folder: a/twice.jpg"),
    ("first_frame", "small.jpg", "The picture is 320 × 640 px, too small for this model.", "Each side 360 to 2000 px"),
    ("first_frame", "wide.jpg", "The picture is 2100 × 400 px, too large for this model.", "Each side 360 to 2000 px"),
    (
        "first_frame",
        "long.jpg",
        "The picture is 2100 × 40 px; one side is too long for the other.",
        "Each side 360 to 2000 px",
    ),
    (
        "first_frame",
        "logo.png",
        "This PNG has transparent parts. EvoLink refuses those.",
        "The picture as JPEG, or with a filled background",
    ),
    ("first_frame", "order.jpg", "This file is a PDF, whatever its name says.", "JPEG, PNG, WEBP or BMP"),
    ("first_frame", "words.jpg", "This file is no picture.", "JPEG, PNG, WEBP or BMP"),
    (
        "first_frame",
        "cut.jpg",
        "The picture is damaged, or its end is missing.",
        "The picture copied once more, or saved anew as JPEG",
    ),
    (
        "first_frame",
        "http://intranet/140.jpg",
        "This address cannot be opened from outside.",
        "An https link that opens without signing in",
    ),
    (
        "first_frame",
        "ftp://example.com/a.jpg",
        "This is no complete link.",
        "https://, the site and the file, as the browser shows it",
    ),
    ("prompt", "", "There is no prompt, neither here nor for all.", "Words here, or a prompt for all"),
    ("prompt", "x" * 1712, "The prompt has 1,712 characters, 212 too many.", "At most 1,500 characters"),
    ("prompt", "Snow falls on {motiv}", "The table has no column `motiv`.", "`{motif}`, which is a column"),
    ("prompt", "On {empty}", "The prompt uses `{empty}`, which is empty in this row.", "A word in the column empty"),
    ("prompt", "On {motif", "A brace is opened and not closed.", "`{name}`; a brace itself is written `{{`"),
    ("prompt", "GrÃ¼n und grün", "Letters are damaged (“GrÃ¼n”).", "The table saved as “CSV UTF-8”"),
    ("duration", "20", f"{FLASH} makes videos of 2 to 15 seconds.", "A whole number from 2 to 15"),
    ("duration", "5.5", "Only whole seconds can be made.", "5 or 6"),
    ("duration", "15,5", "Only whole seconds can be made.", "15"),
    ("duration", "five", "“five” is not a number.", "A whole number from 2 to 15"),
    ("duration", "05. Oct", "Excel has turned the number into a date.", "5; set the column to Text before typing"),
    ("duration", "#N/A", "Excel has left an error here (#N/A).", "The value itself"),
    ("quality", "1080", f"{FLASH} has no “Quality” of this name.", "720p or 1080p"),
    ("generate_audio", "maybe", "This is neither yes nor no.", "yes or no"),
    ("seed", "7", f"{FLASH} has no setting `seed`.", "An empty cell, or another model"),
    ("last_frame", LINK, f"{FLASH} takes no `last_frame`.", "An empty cell, or another model"),
    ("audio", "song.mp3", "There is no file of this name.", "Another name"),
    (
        "shot_type",
        "multi",
        "“Shots” can be chosen only with `prompt_extend` yes, which is not so in this row.",
        "`prompt_extend` yes, or an empty cell",
    ),
    (
        "generate_audio",
        "no",
        "`generate_audio` no and `audio` exclude each other.",
        "An empty cell in `generate_audio` or in `audio`",
    ),
    ("notes", '=HYPERLINK("http://x")', "This is a formula. Only words and numbers are read.", "The words themselves"),
    ("model", "wan2.6-image-to-video-flush", "There is no model of this name.", "wan2.6-image-to-video-flash"),
    ("idempotency_key", "x" * 300, "The key has 300 characters.", "At most 200 characters"),
]
#: What has to stand beside a cell for it to be wrong.
BESIDE = {"multi": {"prompt_extend": "no"}, "no": {"audio": "https://example.com/song.mp3"}}
COLUMNS = [
    *("first_frame", "last_frame", "audio", "prompt", "duration", "quality", "generate_audio", "prompt_extend"),
    *("shot_type", "seed", "notes", "model", "idempotency_key", "motif", "empty"),
]


def media():
    small, other = picture(320, 640), picture(640, 480, color="red")
    transparent = io.BytesIO()
    from PIL import Image

    Image.new("RGBA", (640, 480)).save(transparent, "PNG")
    return {
        "fox_firs.jpg": picture(),
        "a/twice.jpg": picture(),
        "b/twice.jpg": other,
        "small.jpg": small,
        "wide.jpg": picture(2100, 400),
        "long.jpg": picture(2100, 40),
        "logo.png": transparent,
        "order.jpg": ContentFile(b"%PDF-1.7 order"),
        "words.jpg": ContentFile(b"no picture at all"),
        "cut.jpg": ContentFile(picture(800, 800).read()[:2000]),
    }


@pytest.mark.django_db
def test_each_kind_of_wrong_cell_is_told_with_what_would_be_right():
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, restval="")
    writer.writeheader()
    for column, cell, _wrong, _right in CASES:
        writer.writerow({"first_frame": LINK, "prompt": "Fox", "motif": "fir"} | BESIDE.get(cell, {}) | {column: cell})
    batch = batch_of(table.getvalue(), media=media())
    checking.check(batch)
    said = []
    for item in batch.items.order_by("number"):
        [problem] = item.problems
        said.append((problem["column"], problem["problem"], problem["repair"]))
        shown = CASES[item.number - 1][1]
        assert problem["cell"] == (shown if len(shown) <= 60 else shown[:59] + "…")
    assert said == [(column, wrong, right) for column, _cell, wrong, right in CASES]
    assert len(CASES) > 20


@pytest.mark.django_db
def test_names_of_files_without_files_are_told():
    batch = batch_of("first_frame,prompt\nfox.jpg,x\n")
    checking.check(batch)
    [problem] = batch.items.get().problems
    assert problem["problem"] == "This is the name of a file, but no ZIP file was given."
    assert problem["repair"] == "The ZIP file, or a link"


@pytest.mark.django_db
def test_a_name_is_found_however_its_letters_are_composed():
    batch = batch_of("first_frame,prompt\ngrün.jpg,x\n", media={"gru\u0308n.jpg": picture()})
    checking.check(batch)
    assert batch.items.get().problems == []


@pytest.mark.django_db
def test_metadata_may_be_an_object_of_json_with_columns_beside_it():
    row = {"first_frame": LINK, "prompt": "x", "metadata": '{"sku": "X1"}', "metadata.size": "L"}
    assert batches.plan([row], name="x").create().tasks.get().metadata == {"sku": "X1", "size": "L"}
    [problem] = batches.plan([row | {"metadata": "X1"}], name="x").problems
    assert problem.message.startswith("Metadata must be")


def test_where_a_model_takes_several_each_stands_in_a_line_of_the_cell():
    spec = catalog.get("wan2.6-image-to-video-flash")
    several = dataclasses.replace(spec, inputs=(dataclasses.replace(spec.input("first_frame"), max_items=3),))
    row = {"first_frame": f"{LINK}\r\n {LINK}?2 \n"}
    found = wording.Problems(1, row, several)
    assert inputs.sources_of(several, row, None, found) == {"first_frame": [LINK, f"{LINK}?2"]}


@pytest.mark.django_db
def test_cells_that_nothing_reads_may_be_anything():
    batch = batch_of(f"first_frame,prompt,total,when,motif\n{LINK},x,=A1*2,#N/A,=B\n{LINK},{{motif}},1,2,=B\n")
    checking.check(batch)
    first, second = batch.items.order_by("number")
    assert first.problems == []
    assert [problem["column"] for problem in second.problems] == ["motif"]


@pytest.mark.django_db
def test_what_stands_in_no_cell_and_what_python_gave_keeps_its_own_message():
    plan = batches.plan([{"first_frame": b"bytes", "prompt": "x"}], name="x", duration="x")
    said = {problem.field: problem.message for problem in plan.problems}
    assert said["first_frame"].startswith("These are bytes. Give them as a file")
    assert "whole number from 2 to 15" in said["duration"]


@pytest.mark.django_db
def test_the_sentences_are_in_the_language_of_whoever_checks(monkeypatch):
    batch = batch_of(f"first_frame,prompt,duration\n{LINK},x,20\n")
    with translation.override("de"):
        checking.check(batch)
    assert batch.items.get().problems[0]["column"] == "duration"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *(("promt", "prompt"), ("fox-firs", "fox_firs"), ("PROMPT", "prompt"), ("porbmt", ""), ("prom", "prompt")),
        *(("", ""), ("x", ""), ("pro", "")),
    ],
)
def test_the_nearest_name_differs_in_at_most_two_letters(name, meant):
    assert wording.nearest(name, ["prompt", "fox_firs", "quality"]) == meant
