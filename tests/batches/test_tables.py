"""Tables are read as people's programs write them, and given back so that they are read as the same."""

from __future__ import annotations

import datetime as dt
import io
import zipfile

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from django_wanvideo import batches, catalog
from django_wanvideo.batches import checking, tables
from django_wanvideo.batches.tables import cells, csv_files, excel
from django_wanvideo.models import Batch
from django_wanvideo.testing import run_pending
from tests.batches.tables import batch_of, table_of, workbook
from tests.services.process import in_a_process

LINK = "https://example.com/fox.jpg"


def plain(table):
    return [dict(row) for row in table.rows]


def refusal(content, tmp_path):
    with pytest.raises(ValidationError) as caught:
        table_of(content, tmp_path)
    return caught.value.messages[0]


@pytest.mark.parametrize(
    "content",
    [
        b"prompt,notes\nFox,a\nOwl,b\n",
        b"prompt;notes\r\nFox;a\r\nOwl;b",
        b"prompt\tnotes\rFox\ta\rOwl\tb\r",
        b"\xef\xbb\xbfprompt,notes\nFox,a\nOwl,b\n",
        "prompt,notes\nFox,a\nOwl,b\n".encode("utf-16"),
        b"sep=;\r\nprompt;notes\r\nFox;a\r\nOwl;b\r\n",
        b'"prompt","notes"\n"Fox","a"\n"Owl","b"\n',
        b"Prompt , NOTES,,\nFox,a,,\nOwl,b,,\n",
        workbook(["prompt", "notes"], ["Fox", "a"], ["Owl", "b"]),
    ],
)
def test_a_table_is_read_as_its_program_has_written_it(content, tmp_path):
    table = table_of(content, tmp_path)
    assert (table.columns, table.count, table.warnings) == (["prompt", "notes"], 2, [])
    assert plain(table) == [{"prompt": "Fox", "notes": "a"}, {"prompt": "Owl", "notes": "b"}]
    assert plain(table) == [{"prompt": "Fox", "notes": "a"}, {"prompt": "Owl", "notes": "b"}]


def test_rows_keep_the_numbers_that_people_see_below_the_header(tmp_path):
    table = table_of('prompt,notes\n"a\nb",1\n\n,\nc,2\n', tmp_path)
    assert [(row.number, row["prompt"]) for row in table.rows] == [(1, "a\nb"), (4, "c")]
    assert table.count == 2
    sheet = workbook(["prompt"], ["a"], [None], ["c"])
    assert [row.number for row in table_of(sheet, tmp_path).rows] == [1, 3]


def test_the_delimiter_is_that_of_the_header_whatever_is_in_it(tmp_path):
    table = table_of('prompt;"a, b, c"\nFox;x, y, z\n', tmp_path)
    assert plain(table) == [{"prompt": "Fox", "a, b, c": "x, y, z"}]
    assert plain(table_of("motif\nfox, red; \n", tmp_path)) == [{"motif": "fox, red; "}]


def test_a_column_that_is_nearly_known_is_named_and_others_are_for_prompts(tmp_path):
    table = table_of("promt,motif,durations,seed\na,b,c,1\n", tmp_path)
    assert table.warnings == [
        "The column `promt` is not used. Did you mean `prompt`?",
        "The column `durations` is not used. Did you mean `duration`?",
    ]
    assert next(iter(table.rows)).unused == {"promt", "motif", "durations"}
    assert table_of("promt\na\n", tmp_path, asked=["promt"]).warnings == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The table has no rows below the names of its columns."),
        (b"prompt,notes\n\n , \n", "The table has no rows below the names of its columns."),
        (b"\xd0\xcf\x11\xe0old", "Excel’s old format (.xls) is not read; save it as .xlsx."),
        (b"%PDF-1.7", "This file is not a table: CSV or Excel (.xlsx) is needed."),
        (b"\x00\x01binary", "This file is not a table: CSV or Excel (.xlsx) is needed."),
        (b"<html><table>", "This file is not a table: CSV or Excel (.xlsx) is needed."),
        (b"prompt,notes,Prompt\na,b,c\n", "The table has the column `prompt` twice. Give one of them another name."),
        (b"prompt\n" + b"x\n" * 6120, "The table has 6,120 rows; 5,000 can be given at once. Give it in two parts."),
        (
            b"prompt\n" + b"x\n" * 60000,
            "The table has more than 50,000 rows; 5,000 can be given at once. Give it in parts.",
        ),
        (b",".join([b"c%d" % n for n in range(300)]) + b"\nx\n", "The table has more than 200 columns."),
        (
            b'prompt\na\n"b\nc\nd\n',
            "The table cannot be read from line 3 on: a quotation mark is opened there and not closed.",
        ),
    ],
)
def test_what_is_no_table_is_refused_with_what_to_do(content, said, tmp_path):
    assert refusal(content, tmp_path) == said


def test_a_file_that_is_too_large_is_not_read_on(tmp_path):
    assert refusal(b"prompt\n" + b"x" * 20_000_001, tmp_path) == "The table has more than 20\xa0MB. Give it in parts."


@pytest.mark.django_db
def test_a_row_with_too_many_cells_is_its_own_problem(tmp_path):
    """A row with more cells than the table has columns is that row’s problem."""
    table = table_of(f"first_frame,prompt\n{LINK},a fox, red\n{LINK},b\n", tmp_path)
    plan = batches.plan(table.rows, name="x")
    assert [(problem.row, problem.message) for problem in plan.problems] == [
        (1, "This row has 3 cells, the table has 2 columns. → Quotation marks around words with a comma")
    ]
    assert plan.good == 1


def test_numbers_dates_and_formulas_of_excel(tmp_path):
    def edit(sheet):
        sheet["E2"].number_format = "yyyy-mm-dd"
        sheet["B3"] = "#N/A"
        sheet["B3"].data_type = "e"
        sheet["A4"] = "=1+1"
        sheet["A4"].data_type = "s"

    date = dt.date(2026, 10, 5)
    sheet = workbook(
        ["prompt", "duration", "generate_audio", "metadata.weight", "notes"],
        ["Fox", 5.0, True, 0.25, date],
        ["=HYPERLINK(A1)", "x", None, 3, "b"],
        ["text", date, False, None, "'=guarded"],
        edit=edit,
    )
    first, second, third = table_of(sheet, tmp_path).rows
    assert first == {
        "prompt": "Fox", "duration": "5", "generate_audio": "yes", "metadata.weight": "0.25", "notes": "2026-10-05"
    }  # fmt: skip
    assert first.problems == []
    assert [(name, error.code) for name, error in second.problems] == [
        ("prompt", "formula"),
        ("duration", "excel_error"),
    ]
    assert (third["prompt"], third["notes"]) == ("=1+1", "=guarded")
    assert [(name, error.code) for name, error in third.problems] == [("duration", "excel_date")]


def test_a_workbook_is_a_zip_file_and_kept_within_its_limits(tmp_path):
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 60_000_000)
    assert refusal(bomb.getvalue(), tmp_path) == (
        "The Excel file was not opened: it unpacks to 60\xa0MB, 50\xa0MB are allowed."
    )
    damaged = workbook(["prompt"], ["Fox"])
    for content in (damaged[:-100], damaged[:200] + bytes(100) + damaged[300:]):
        assert refusal(content, tmp_path).startswith("The Excel file was not opened: it is damaged")
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("readme.txt", b"no table")
    assert refusal(other.getvalue(), tmp_path) == "This file is not a table: CSV or Excel (.xlsx) is needed."


def test_entities_of_xml_are_not_expanded(tmp_path):
    content = workbook(["prompt"], ["Fox"])
    evil = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(evil, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "xl/workbook.xml":
                data = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e "eeee">]>' + data
            new.writestr(name, data)
    assert refusal(evil.getvalue(), tmp_path) == "This file is not a table: CSV or Excel (.xlsx) is needed."


def test_a_row_far_down_does_not_make_a_million_empty_ones(tmp_path):
    def edit(sheet):
        sheet["A1000000"] = "far"

    table = table_of(workbook(["prompt"], ["Fox"], edit=edit), tmp_path)
    assert table.count == 1


def test_without_what_reads_excel_it_is_refused_with_a_sentence(tmp_path, monkeypatch):
    content = workbook(["prompt"], ["Fox"])
    monkeypatch.setattr(excel, "is_installed", lambda: False)
    assert "django-wanvideo[tables]" in refusal(content, tmp_path)
    with pytest.raises(ValidationError, match="CSV UTF-8"):
        tables.template(catalog.models()[0], kind="xlsx")


@given(st.text())
@example("'=1")
@example("''-1")
def test_the_guard_is_taken_off_exactly(text):
    guarded = cells.guard(text)
    assert not guarded.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert cells.unguard(guarded) == text


@pytest.mark.parametrize(
    ("text", "damaged"),
    [
        ("ein GrÃ¼n, zwei", "GrÃ¼n,"),
        ("Ã¼ber", "Ã¼ber"),
        ("itâ€™s", "itâ€™s"),
        ("Gr\ufffdn", "Gr\ufffdn"),
        *(
            (text, "")
            for text in (
                "Grün",
                "„MENÜ“",
                "»CAFÉ«",
                "“IRMÔ",
                "”HÅ”",
                "«MAÇû",
                "20 °C",
                "日本語",
                "½ £5 €7",
                "ß’s",
                "Zoë’s",
            )
        ),
    ],
)
def test_letters_that_were_read_as_others_are_seen_and_real_ones_are_not(text, damaged):
    error = cells.problem_of(text)
    assert (error.params["damaged"] if error else "") == damaged


CELL = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_written_is_read_as_the_same(rows):
    content = io.BytesIO(b"".join(csv_files.write([["prompt", "notes", "name"], *rows])))
    read = list(csv_files.records(content, lambda names: names.count("prompt")))
    assert read == [["prompt", "notes", "name"], *rows]


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cn"]), min_size=1), min_size=1, max_size=5)
)
@settings(deadline=None, max_examples=25)
def test_what_is_written_for_excel_is_read_as_the_same(row):
    content = io.BytesIO(b"".join(excel.write([row])))
    assert next(excel.records(content, 10))[: len(row)] == row


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("spec", catalog.models(), ids=lambda spec: spec.id)
def test_the_template_of_a_model_is_a_table_that_it_understands(spec, kind, tmp_path):
    table = table_of(b"".join(tables.template(spec, kind=kind)), tmp_path)
    assert table.warnings == []
    [row] = table.rows
    row |= {item.role.value: LINK for item in spec.inputs if row.get(item.role.value) == "picture.jpg"}
    plan = batches.plan([row], name="x", model=spec.id)
    assert plan.problems == []


@pytest.mark.django_db
def test_rows_that_are_the_same_are_named_and_all_made():
    batch = batch_of(f"first_frame,prompt\n{LINK},a\n{LINK},b\n{LINK},a\n")
    checking.check(batch)
    assert batch.settings["warnings"] == ["Rows 1 and 3 are the same. Both are made."]
    assert checking.summary(batch)["makeable"] == 3


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_bad_rows_are_given_back_mended_and_given_again(kind, tmp_path):
    batch = batch_of(f"first_frame,prompt,duration,motif\n{LINK},a,5,x\n\n{LINK},{{motiv}},20,=1\n,=c,x,'-y\n")
    checking.check(batch)
    table = table_of(b"".join(tables.export(batch, only_bad=True, kind=kind)), tmp_path)
    assert table.columns == ["first_frame", "prompt", "duration", "motif"]
    assert plain(table) == [
        {"first_frame": LINK, "prompt": "{motiv}", "duration": "20", "motif": "=1"},
        {"first_frame": "", "prompt": "=c", "duration": "x", "motif": "-y"},
    ]
    assert table.warnings == []


@pytest.mark.django_db
def test_the_whole_table_says_what_became_of_each_row():
    batch = batch_of(f"first_frame,prompt,notes\n{LINK},a,=1\n{LINK},b,fine\n,c,\n")
    checking.check(batch)
    checking.confirm(batch)
    run_pending()
    task = batch.tasks.get()
    header, *lines = list(csv_files.records(io.BytesIO(b"".join(tables.export(batch))), len))
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    assert [row["row"] for row in rows] == ["1", "2", "3"]
    assert [row["status"] for row in rows] == ["", "draft", ""]
    assert rows[1]["task"] == str(task.pk)
    assert rows[0]["problem"] == "This is a formula. Only words and numbers are read. → The words themselves"
    hidden = b"".join(tables.export(batch, tasks=batch.tasks.none())).decode()
    assert "fine" not in hidden
    assert LINK in hidden


@pytest.mark.django_db
def test_what_python_gave_is_exported_by_its_names():
    batches.plan([{"prompt": "a", "first_frame": LINK, "sku": 7}], name="x").create()
    text = b"".join(tables.export(Batch.objects.get())).decode("utf-8-sig")
    assert text.splitlines()[0].startswith("first_frame,prompt,sku,row,problem,status")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_five_thousand_rows_are_read_in_little_memory(kind, tmp_path):
    lines = (f"{LINK}?{n},{'A fox looks up ' * 20}{n},5,720p,yes,X{n}\n" for n in range(5000))
    content = "first_frame,prompt,duration,quality,generate_audio,metadata.sku\n" + "".join(lines)
    rows = csv_files.records(io.BytesIO(content.encode()), len)
    (tmp_path / "large").write_bytes(b"".join({"csv": csv_files.write, "xlsx": excel.write}[kind](rows)))
    code = f"""
import pathlib, resource
from django_wanvideo.batches import tables
from django_wanvideo.batches.tables import excel
excel.is_installed()
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert sum(1 for _row in tables.read(pathlib.Path({str(tmp_path / "large")!r})).rows) == 5000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start)
"""
    ran = in_a_process(code)
    assert int(ran.stdout) < 30_000, ran.stderr
