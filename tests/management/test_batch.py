"""``wanvideo_batch`` checks a table, makes each row once however often it is run, and says truly what it has done."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from django_wanvideo.batches import making, planning, tables
from django_wanvideo.choices import BatchState, TaskStatus
from django_wanvideo.models import Batch, Preset, VideoTask
from django_wanvideo.testing import picture, run_pending
from tests.services.process import in_a_process

pytestmark = pytest.mark.django_db
LINK = "https://example.com/fox.jpg"


@pytest.fixture
def table(tmp_path):
    """A function that writes a table and returns its path."""

    def write(*lines, header="first_frame,prompt,duration", name="shop.csv"):
        path = tmp_path / name
        path.write_text("\n".join([header, *lines]) + "\n")
        return path

    return write


GOOD = [f"{LINK}?{n},fox {n},5" for n in range(1, 4)]


def test_a_check_stores_nothing_and_says_what_it_would_cost(run, table):
    ran = run("wanvideo_batch", table(*GOOD), "--check")
    assert ran.code == 0, ran.err
    assert "3 rows: 3 can be made, 0 cannot, 0 were made before." in ran.out
    assert "about 35.7 credits" in ran.out
    assert not Batch.objects.exists()


def test_bad_rows_are_told_and_hold_the_others_back(run, table):
    """Bad rows are told and hold the others back unless somebody says so."""
    path = table(*GOOD, f"{LINK},x,20", ",y,5")
    for way in ("--check", "--drafts"):
        ran = run("wanvideo_batch", path, way)
        assert ran.code == 1
        assert (
            "row 4, duration: Wan 2.6 Flash makes videos of 2 to 15 seconds. → A whole number from 2 to 15" in ran.out
        )
        assert "row 5, first_frame: There is no picture" in ran.out
        assert not VideoTask.objects.exists()
    ran = run("wanvideo_batch", path, "--drafts", "--skip-problems")
    assert ran.code == 1
    assert VideoTask.objects.count() == 3
    assert Batch.objects.get().items.count() == 5


def test_run_again_it_makes_nothing_twice(run, table):
    path = table(*GOOD)
    assert run("wanvideo_batch", path, "--drafts").code == 0
    batch = Batch.objects.get()
    assert (batch.source_name, batch.name[:8], batch.state) == ("shop.csv", "shop.csv", BatchState.READY)
    ran = run("wanvideo_batch", path, "--drafts")
    assert ran.code == 0
    assert "3 were made before" in ran.out
    mended = table(*GOOD[:2], f"{LINK}?3,another fox,5")
    assert run("wanvideo_batch", mended, "--drafts").code == 0
    assert VideoTask.objects.count() == 4
    assert Batch.objects.count() == 2


def test_drafts_of_an_earlier_run_are_sent_by_the_next(run, table, evolink_simulator):
    path = table(*GOOD)
    run("wanvideo_batch", path, "--drafts")
    for _ in range(3):
        ran = run("wanvideo_batch", path, "--submit")
        assert ran.code == 0, ran.err
    for _ in range(20):
        run_pending()
    assert set(VideoTask.objects.values_list("status", flat=True)) == {TaskStatus.COMPLETED}
    evolink_simulator.ledger.assert_charged_once()
    assert Batch.objects.count() == 1


def test_drafts_that_the_table_does_not_ask_for_any_more_are_not_sent(run, table):
    run("wanvideo_batch", table(*GOOD), "--drafts", "--prompt", "x")
    path = table(*(line.replace("fox", "owl") for line in GOOD))
    old = Batch.objects.get()
    Batch.objects.update(source_sha256="")
    run("wanvideo_batch", path, "--submit")
    old.refresh_from_db()
    assert old.submitted_at is None
    assert Batch.objects.exclude(pk=old.pk).get().submitted_at is not None


@pytest.mark.parametrize("place", ["planning.store", "making._make", "making.record"])
@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_it_goes_on_where_it_was(run, table, monkeypatch, place):
    path = table(*(f"{LINK}?{n},fox {n},5" for n in range(25)))
    module, name = place.split(".")
    code = f"""
from unittest import mock
from django.core.management import call_command
from django_wanvideo.batches import making, planning, tables
planning.CHUNK = 10
real, calls = {module}.{name}, []
def dying(*args, **options):
    calls.append(1)
    if len(calls) == 2 or "{name}" == "record":
        os._exit(9)
    return real(*args, **options)
plain = making.make_chunk
making.make_chunk = lambda pk: plain(pk, most=10)
with mock.patch.object({module}, "{name}", dying):
    call_command("wanvideo_batch", {str(path)!r}, "--drafts")
"""
    assert in_a_process(code).returncode == 9
    assert VideoTask.objects.count() < 25
    for _ in range(2):
        ran = run("wanvideo_batch", path, "--drafts")
        assert ran.code == 0, ran.err
    run_pending()
    assert VideoTask.objects.count() == 25
    assert sorted(VideoTask.objects.values_list("row_number", flat=True)) == list(range(1, 26))


def test_what_another_batch_has_made_meanwhile_is_not_made_again(run, table):
    path = table(*GOOD)
    plans = [planning.plan(tables.read(path).rows, name=name) for name in ("one", "two")]
    first, second = (plan.create() for plan in plans)
    assert (first.tasks.count(), second.tasks.count()) == (3, 0)
    assert second.items.filter(is_repeat=True).count() == 3
    # Rows of one batch that ask for the same are all made.
    twice = planning.plan([{"first_frame": LINK, "prompt": "twice"}] * 2, name="three").create()
    assert twice.tasks.count() == 2
    assert not making.known_contents([twice.tasks.first().content_sha256], beside=twice)


def test_pictures_come_from_the_folder_and_from_nowhere_else(run, table, tmp_path):
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "fox.jpg").write_bytes(picture().read())
    (tmp_path / "secret.jpg").write_bytes(picture(color="red").read())
    (tmp_path / "media" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    names = ["fox.jpg", "../secret.jpg", str(tmp_path / "secret.jpg"), "link.jpg", "foxs.jpg"]
    path = table(*(f"{name},x,5" for name in names))
    ran = run("wanvideo_batch", path, "--check", "--media", tmp_path / "media", "--json")
    report = json.loads(ran.out)
    assert (ran.code, report["good"]) == (1, 1)
    assert [problem["row"] for problem in report["problems"]] == [2, 3, 4, 5]
    assert report["problems"][3]["message"] == (
        "This picture is not in media. → fox.jpg, which is there; or add the picture"
    )
    ran = run("wanvideo_batch", path, "--drafts", "--media", tmp_path / "media", "--skip-problems")
    assert VideoTask.objects.get().inputs.get().file


def test_a_preset_and_a_prompt_for_all(run, table):
    user = get_user_model().objects.create_user("alice")
    Preset.objects.create(
        name="Push", slug="push", model="wan2.6-image-to-video-flash", prompt="Slow: {motif}", owner=user
    )
    path = table(f"{LINK},fox", header="first_frame,motif")
    ran = run("wanvideo_batch", path, "--drafts", "--preset", "push", "--owner", "alice", "--name", "Spring")
    assert ran.code == 0, ran.err
    task = VideoTask.objects.get()
    assert (task.prompt, task.owner, task.batch.name) == ("Slow: fox", user, "Spring")
    ran = run("wanvideo_batch", path, "--drafts", "--prompt", "Fast: {motif}", "--owner", "alice")
    assert VideoTask.objects.exclude(pk=task.pk).get().prompt == "Fast: fox"


def test_more_than_the_most_credits_makes_nothing(run, table):
    ran = run("wanvideo_batch", table(*GOOD), "--submit", "--max-credits", 30)
    assert (ran.code, ran.err) == (2, "This would cost about 35.7 credits, more than 30. Nothing was made.")
    assert not Batch.objects.exists()
    run("wanvideo_batch", table(*GOOD), "--drafts", "--max-credits", 36)
    assert VideoTask.objects.count() == 3
    # Drafts of an earlier run count as well: sending them is what costs.
    assert run("wanvideo_batch", table(*GOOD), "--submit", "--max-credits", 30).code == 2


def test_one_report_in_json(run, table):
    header = "first_frame,prompt,duratio"
    ran = run("wanvideo_batch", table(*GOOD, GOOD[0], header=header), "--submit", "--json")
    report = json.loads(ran.out)
    batch = Batch.objects.get()
    assert report == {
        "rows": 4,
        "good": 4,
        "bad": 0,
        "made_before": 0,
        "credits_estimated": "47.6000",
        "warnings": [
            "The column `duratio` is not used. Did you mean `duration`?",
            "Rows 1 and 4 are the same. Both are made.",
        ],
        "problems": [],
        "batch": str(batch.pk),
        "drafts": 4,
        "submitted": [str(batch.pk)],
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["missing.csv", "--check"], "The table missing.csv cannot be read: No such file or directory."),
        (["{table}", "--check", "--media", "/nowhere"], "There is no folder /nowhere."),
        (["{table}", "--check", "--owner", "nobody"], "There is no user 'nobody'."),
        (["{table}", "--check", "--preset", "none"], "There is no preset “none” that you may use."),
        (["{table}"], "one of the arguments --check --drafts --submit is required"),
    ],
)
def test_what_could_not_be_done_exits_with_2(run, table, options, said):
    path = table(*GOOD)
    ran = run("wanvideo_batch", *(option.format(table=path) for option in options))
    assert ran.code == 2 or "required" in ran.err
    assert said in ran.err


def test_an_owner_who_may_not_spend_sends_nothing_and_makes_nothing(run, table):
    user = get_user_model().objects.create_user("bob")
    ran = run("wanvideo_batch", table(*GOOD), "--submit", "--owner", "bob")
    assert (ran.code, ran.err) == (2, "You may not spend credits.")
    assert not Batch.objects.exists()
    user.user_permissions.add(Permission.objects.get(codename="submit_videotask"))
    assert run("wanvideo_batch", table(*GOOD), "--submit", "--owner", "bob").code == 0


def test_progress_is_drawn_on_a_terminal_only(run, table):
    path = table(*GOOD)
    assert "\r" not in run("wanvideo_batch", path, "--drafts").out
    ran = run("wanvideo_batch", table(*GOOD, f"{LINK},new,5"), "--drafts", tty=True)
    assert "100 %" in ran.out
    assert "checking" in ran.out
    assert "storing" in ran.out


def test_ctrl_c_says_that_it_can_be_run_again(run, table, monkeypatch):
    def stop(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "make_chunk", stop)
    ran = run("wanvideo_batch", table(*GOOD), "--drafts")
    assert (ran.code, ran.err) == (2, "Stopped. Run it again to go on; nothing is made twice.")
