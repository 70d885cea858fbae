"""What README and documentation say is true of the code: every snippet runs, every table is complete."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import os
import pkgutil
import re
import subprocess
import sys
import threading
import types
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.core.management import get_commands, load_command_class
from django.db.models.signals import post_delete, post_save
from django.urls import reverse

from django_wanvideo import callback_tokens, checks, conf, jobs, signals
from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.choices import Charge, CreditOutcome, TaskStatus
from django_wanvideo.conf import Conf, Setting, known_names
from django_wanvideo.health import CHECKS
from django_wanvideo.models import VideoTask
from django_wanvideo.services import schedule
from django_wanvideo.simulator import Options
from django_wanvideo.simulator.provider.faults import FAULTS
from django_wanvideo.testing import picture, run_pending, run_until_finished
from tests import models_page
from tests.clips import clip, silence

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PACKAGE = Path(conf.__file__).parent
_BLOCK = re.compile(r"^( *)```python\n(.*?)^\1```", re.MULTILINE | re.DOTALL)

if not DOCS.is_dir():
    pytest.skip("the documentation is not part of this copy", allow_module_level=True)

PAGES = [README, *sorted(DOCS.glob("*.md"))]


def blocks(page: Path) -> list[str]:
    """The Python code of a page."""
    found = []
    for indent, code in _BLOCK.findall(page.read_text()):
        found.append("\n".join(line.removeprefix(indent) for line in code.splitlines()) + "\n")
    return found


def block(page: Path, *words: str) -> str:
    """The one block of a page that has all ``words`` in it."""
    (found,) = [code for code in blocks(page) if all(word in code for word in words)]
    return found


def run(code: str, **names: Any) -> dict[str, Any]:
    """Execute a block; return its names."""
    scope = {"__name__": "snippet", **names}
    exec(compile(code, "snippet", "exec"), scope)
    return scope


def table(page: Path, mark: str) -> list[list[str]]:
    """The rows of the table between two marks, without its head."""
    inner = page.read_text().split(f"<!-- {mark} -->")[1].split(f"<!-- /{mark} -->")[0]
    rows = [line.strip() for line in inner.splitlines() if line.strip().startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def codes(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


@pytest.fixture
def shop(monkeypatch):
    """The example shop under the name that the snippets use."""
    from example_project.shop import models

    package = types.ModuleType("shop")
    monkeypatch.setitem(sys.modules, "shop", package)
    monkeypatch.setitem(sys.modules, "shop.models", models)
    return models


@pytest.fixture
def receivers():
    """Whatever a snippet connects is disconnected after the test."""
    known = [value for value in vars(signals).values() if isinstance(value, signals.Signal)]
    before = [(signal, list(signal.receivers)) for signal in known]
    yield
    for signal, connected in before:
        signal.receivers = connected
        signal.sender_receivers_cache.clear()


@pytest.mark.usefixtures("receivers")
@pytest.mark.django_db(transaction=True)
def test_the_batch_of_its_page_is_made_sent_and_told_of(evolink_simulator, capsys):
    owner = get_user_model().objects.create_superuser("maria", "maria@example.com", "x")
    scope = run(block(DOCS / "batches.md", "batches.plan("), owner=owner)
    connected = run(block(DOCS / "batches.md", "batch_is_over"))
    batch = scope["batch"]
    for _try in range(60):
        run_pending()
        batch.refresh_from_db()
        if batch.state == batch.State.ENDED:
            break
    assert "Postcards: 3 of 3 videos are ready" in capsys.readouterr().out
    assert batch.tasks.get(row_number=2).prompt == "Slow push-in on a fox. Nothing else moves."
    assert "batch_is_over" in connected


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_block_is_python(page):
    for code in blocks(page):
        ast.parse(code)


def test_no_block_of_the_readme_is_left_untested():
    first_lines = [code.splitlines()[0] for code in blocks(README)]
    assert first_lines == [
        "# settings.py",
        "# urls.py",
        "# anywhere.py",
        "# shop/receivers.py",
        "# tests/test_shop.py",
    ]


def test_settings_of_the_readme_are_accepted_by_the_checks(monkeypatch, settings, tmp_path):
    monkeypatch.setenv("EVOLINK_API_KEY", "sk-x")
    scope = run(block(README, "# settings.py"), INSTALLED_APPS=["django.contrib.admin"], BASE_DIR=tmp_path)
    assert {"rest_framework", "django_rq", "django_wanvideo"} <= set(scope["INSTALLED_APPS"])
    settings.WANVIDEO, settings.RQ_QUEUES = scope["WANVIDEO"], scope["RQ_QUEUES"]
    assert checks.check_settings(None) == []


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_settings_of_the_documentation_are_accepted_by_the_checks(page, monkeypatch, settings):
    monkeypatch.setenv("EVOLINK_API_KEY", "sk-x")
    for code in blocks(page):
        if code.startswith("# settings.py") and "django.utils.csp" not in code:
            for name, value in run(code).items():
                if name.isupper():
                    setattr(settings, name, value)
            assert [message for message in checks.check_settings(None) if message.id != "wanvideo.W001"] == []
            assert checks.check_sqlite(None) == []


@pytest.mark.fault("K11.no-key-is-a-check-not-a-keyerror")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_without_key_in_environment_settings_load(page, monkeypatch, settings, tmp_path):
    """Without a key in the environment settings load and a check says so."""
    monkeypatch.delenv("EVOLINK_API_KEY", raising=False)
    for code in blocks(page):
        if code.startswith("# settings.py") and "EVOLINK_API_KEY" in code:
            settings.WANVIDEO = run(code, INSTALLED_APPS=[], BASE_DIR=tmp_path)["WANVIDEO"]
            assert "wanvideo.E001" in {message.id for message in checks.check_settings(None)}


def test_urls_of_the_readme_lead_to_the_callback():
    scope = run(block(README, "# urls.py"), urlpatterns=[])
    (included,) = scope["urlpatterns"]
    assert (str(included.pattern), included.namespace) == ("wanvideo/", "wanvideo")


def test_the_readme_makes_a_video(evolink_simulator, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cat.jpg").write_bytes(picture().read())
    user = get_user_model().objects.create_user("alice")
    task = run(block(README, "# anywhere.py"), user=user)["task"]
    assert (task.owner, task.metadata, task.status) == (user, {"sku": "X1"}, TaskStatus.QUEUED)
    assert run_until_finished(task).status == TaskStatus.COMPLETED
    evolink_simulator.ledger.assert_charged_once()


@pytest.mark.usefixtures("receivers")
def test_the_readmes_own_tests_pass_with_the_readmes_receivers(evolink_simulator, wanvideo_picture, shop, capsys):
    connected = run(block(README, "# shop/receivers.py"))  # signals hold their receivers weakly
    scope = run(block(README, "# tests/test_shop.py"))
    scope["test_a_finished_video_is_shown_on_its_product"](evolink_simulator, wanvideo_picture)
    assert "show_video" in connected


@pytest.mark.parametrize("name", ["test_a_refused_picture_costs_nothing", "test_a_lost_answer_is_not_sent_again"])
def test_the_readmes_own_tests_of_failures_pass(evolink_simulator, wanvideo_picture, shop, name):
    run(block(README, "# tests/test_shop.py"))[name](evolink_simulator, wanvideo_picture)


@pytest.mark.usefixtures("receivers")
def test_the_readmes_receiver_of_failures_says_what_happened(evolink_simulator, wanvideo_picture, shop, capsys):
    connected = run(block(README, "# shop/receivers.py"))
    task = VideoTask.objects.create_task("A cat [fail:service_error: no]", wanvideo_picture(), metadata={"sku": "X1"})
    task.submit()
    run_until_finished(task)
    assert "No video for X1: no" in capsys.readouterr().out
    assert "say_so" in connected


def test_a_download_that_breaks_off_is_tried_again_as_documented(evolink_simulator, wanvideo_picture):
    scope = run(block(DOCS / "testing.md", "# tests/test_trouble.py"))
    scope["test_a_download_that_breaks_off_is_tried_again"](evolink_simulator, wanvideo_picture)


@pytest.mark.parametrize("fault", ["429", "no_available_channel"])
def test_a_busy_evolink_only_costs_time_as_documented(evolink_simulator, wanvideo_picture, fault):
    code = block(DOCS / "testing.md", "# tests/test_trouble.py")
    assert f'"{fault}"' in code
    run(code)["test_a_busy_evolink_only_costs_time"](evolink_simulator, wanvideo_picture, fault)


def test_the_test_cases_for_djangos_runner_pass_where_there_is_no_pytest(tmp_path):
    (tmp_path / "shop_tests.py").write_text(block(DOCS / "testing.md", "# shop/tests.py"))
    code = """
import sys
sys.modules["pytest"] = sys.modules["_pytest"] = None  # as if it were not installed
sys.path[:0] = sys.argv.pop(1).split(":")
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "test", "shop_tests"])
"""
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "WANVIDEO_TEST_DATABASE": "sqlite",
        "WANVIDEO_TEST_DIR": str(tmp_path),
    }
    command = [sys.executable, "-c", code, f"{ROOT}:{tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "Ran 2 tests" in done.stderr


@pytest.mark.usefixtures("receivers")
def test_the_exactly_once_receiver_sends_one_mail_for_two_deliveries(
    evolink_simulator, wanvideo_picture, shop, monkeypatch, mailoutbox
):
    from django.db import IntegrityError

    class Told:
        seen: set[int] = set()

        def create(self, event_id):
            if event_id in self.seen:
                raise IntegrityError
            self.seen.add(event_id)

    monkeypatch.setattr(shop, "ToldEvent", types.SimpleNamespace(objects=Told()), raising=False)
    scope = run(block(DOCS / "signals.md", "ToldEvent"))
    user = get_user_model().objects.create_user("alice", "alice@example.com")
    task = VideoTask.objects.create_task("A cat", wanvideo_picture(), owner=user)
    task.submit()
    run_until_finished(task)
    event = task.events.get(kind="stored")
    scope["tell_owner"](VideoTask, task=task, event=event)
    assert [mail.to for mail in mailoutbox] == [["alice@example.com"]]


def test_what_the_lifecycle_page_reads_is_there(evolink_simulator, wanvideo_picture):
    task = VideoTask.objects.create_task("A cat [fail:x]", wanvideo_picture())
    task.submit()
    run_until_finished(task)
    scope = run(block(DOCS / "lifecycle.md", "needing_attention"))
    assert scope["task"] == task


def test_the_rest_recipe_creates_and_lists_videos(evolink_simulator, rf, settings):
    from rest_framework.test import APIRequestFactory, force_authenticate

    scope = run(block(DOCS / "recipes.md", "# shop/api.py"))
    view = scope["VideoList"].as_view()
    user = get_user_model().objects.create_superuser("alice", "a@example.com", "x")
    nobody = get_user_model().objects.create_user("bob")

    def post(by, **data):
        request = APIRequestFactory().post("/", {"prompt": "A cat", "first_frame": picture(), **data})
        force_authenticate(request, by)
        return view(request)

    assert post(nobody).status_code == 403
    assert post(user, duration=99).status_code == 400
    answer = post(user)
    assert (answer.status_code, answer.data["status"]) == (201, "queued")
    request = APIRequestFactory().get("/")
    force_authenticate(request, user)
    assert len(view(request).data) == 1


def test_the_recipe_of_drafts_changes_one_and_sends_one_from_an_event_loop(evolink_simulator):
    scope = run(block(DOCS / "recipes.md", "# shop/drafts.py"))
    task = VideoTask.objects.create_task("A cat", picture())
    assert scope["make_longer"](task).parameters == {"duration": 10, "quality": "1080p"}
    user = get_user_model().objects.create_user("alice")
    assert async_to_sync(scope["animate_and_send"])(picture(), user).status == TaskStatus.QUEUED


def test_the_recipe_of_clips_makes_a_draft_of_files(db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    settings.WANVIDEO = {**settings.WANVIDEO, "PUBLIC_MEDIA_BASE_URL": "https://media.example.com/"}
    (tmp_path / "fox.mp4").write_bytes(clip("red", "green", size=(320, 240)))
    user = get_user_model().objects.create_user("alice")
    voice = ContentFile(silence(2))
    task = run(block(DOCS / "recipes.md", "# shop/dubbing.py"))["dub"](user, [tmp_path / "fox.mp4"], voice)
    assert {item.role: item.seconds for item in task.inputs.all()} == {"reference_videos": 2, "audio": 2}


def test_the_recipe_of_takes_makes_four_and_finds_the_picked_one(evolink_simulator):
    scope = run(block(DOCS / "recipes.md", "# shop/takes.py"))
    user = get_user_model().objects.create_user("alice")
    made = scope["animate_four_times"](types.SimpleNamespace(photo=picture()), user)
    assert [(task.take_number, task.status) for task in made] == [(number, "queued") for number in (1, 2, 3, 4)]
    assert scope["picked"](made[0]) is None
    run_until_finished(made[2])
    made[2].pick(by=user)
    assert scope["picked"](made[0]) == made[2]


def test_the_theme_recipe_shows_people_their_own(monkeypatch, db, rf):
    from django.contrib import admin

    unfold = types.ModuleType("unfold")
    theme = types.ModuleType("unfold.admin")
    theme.ModelAdmin = type("ModelAdmin", (admin.ModelAdmin,), {})
    monkeypatch.setitem(sys.modules, "unfold", unfold)
    monkeypatch.setitem(sys.modules, "unfold.admin", theme)
    alice, bob = (get_user_model().objects.create_user(name, is_staff=True) for name in ("alice", "bob"))
    VideoTask.objects.create(prompt="A cat", model="m", owner=alice)
    before = dict(admin.site._registry)
    try:
        run(block(DOCS / "recipes.md", "# shop/admin.py"))
        ours = admin.site._registry[VideoTask]
        assert isinstance(ours, theme.ModelAdmin)
        for user, count in ((alice, 1), (bob, 0)):
            request = rf.get("/")
            request.user = user
            assert ours.get_queryset(request).count() == count
    finally:
        admin.site._registry.clear()
        admin.site._registry.update(before)


def test_the_batch_recipe_makes_drafts_and_sums_them_up(evolink_simulator, capsys):
    user = get_user_model().objects.create_user("alice")
    make = run(block(DOCS / "recipes.md", "one_prompt_for_all"))["one_prompt_for_all"]
    drafts = make([picture(), picture()], "A cat", user)
    assert [draft.status for draft in drafts] == ["draft", "draft"]
    assert capsys.readouterr().out.strip().endswith("credits")


def test_the_simulator_snippet_runs(capsys):
    run(block(DOCS / "simulator.md", "from django_wanvideo.simulator"))
    assert "sk-simulator" in capsys.readouterr().out


def test_the_money_snippet_settles_a_task(evolink_simulator, wanvideo_picture):
    from django_wanvideo.testing import run_pending

    evolink_simulator.faults.add("create", "accept_then_close")
    task = VideoTask.objects.create_task("A cat", wanvideo_picture())
    task.submit()
    run_pending()
    settle = run(block(DOCS / "money.md", "decisions"))["settle"]
    (entry,) = evolink_simulator.ledger
    settle(task, entry.task_id)
    assert run_until_finished(task).status == TaskStatus.COMPLETED


def test_the_settings_table_is_complete_and_has_the_right_defaults():
    rows = {
        codes(name)[0]: ast.literal_eval(codes(default)[0]) for name, default, _meaning in table(README, "settings")
    }
    assert list(rows) == known_names()
    assert rows == {name: vars(Conf)[name].default for name in known_names()}
    assert all(type(rows[name]) is type(vars(Conf)[name].default) for name in rows)


def test_the_table_of_checks_is_complete():
    documented = [codes(row[0])[0] for row in table(DOCS / "checks.md", "checks")]
    source = "".join(path.read_text() for path in Path(checks.__file__).parent.glob("*.py"))
    in_code = set(re.findall(r"wanvideo\.[EW]\d{3}", source))
    assert documented == sorted(in_code)


def test_the_chooser_page_is_true(shop, admin_user, rf):
    from django.contrib import admin

    registered = admin.site._registry.pop(shop.Product)
    try:
        ours = run(block(DOCS / "chooser.md", "# shop/admin.py"))["ProductAdmin"]
        made = admin.site._registry[shop.Product]
        assert isinstance(made, ours)
        assert made.check() == []
    finally:
        admin.site._registry[shop.Product] = registered
    for name, *_rest in [code for row in table(DOCS / "chooser.md", "chooser-checks") for code in [codes(row[0])]]:
        assert name.removeprefix("wanvideo.chooser.") in {"E001", "E002", "E003"}
    form = run(block(DOCS / "chooser.md", "# shop/forms.py"))["ProductForm"]
    done = {"status": "completed", "prompt": "A cat", "model": "m"}
    mine, other = VideoTask.objects.create(owner=admin_user, **done), VideoTask.objects.create(**done)
    assert not form({"name": "Lamp", "video": str(other.pk)}, user=admin_user).is_valid()
    assert not form({"name": "Lamp", "loop-video": str(other.pk)}, user=admin_user).is_valid()
    assert form({"name": "Lamp", "video": str(mine.pk)}, user=admin_user).save().video == mine


def test_all_signals_are_in_the_readme():
    names = {name for name, value in vars(signals).items() if isinstance(value, signals.Signal)}
    assert names == set(re.findall(r"^\| `((?:video|batch)_\w+)` \|", README.read_text(), re.MULTILINE))


def test_all_statuses_are_on_the_lifecycle_page():
    rows = re.findall(r"^\| (`.+?`) \|", (DOCS / "lifecycle.md").read_text(), re.MULTILINE)
    assert [code for row in rows for code in codes(row)] == TaskStatus.values


def test_all_verdicts_on_charge_and_on_entry_of_ledger():
    """All verdicts on a charge and on an entry of the ledger are on the money page."""
    rows = re.findall(r"^\| `(\w+)` \|", (DOCS / "money.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted([*Charge.values, *CreditOutcome.values])


def test_the_simulators_faults_and_options_are_all_documented():
    page = DOCS / "simulator.md"
    assert {codes(point)[0]: tuple(codes(names)) for point, names in table(page, "faults")} == dict(FAULTS)
    documented = [name for row in table(page, "options") for name in codes(row[0])]
    assert sorted(documented) == sorted(field.name for field in fields(Options))


def test_all_commands_and_their_options_are_documented():
    text = (DOCS / "commands.md").read_text()
    ours = [name for name, app in get_commands().items() if app == "django_wanvideo"]
    assert set(ours) == set(re.findall(r"^## `(\w+)`", text, re.MULTILINE))
    common = {"--help", "--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color"}
    common |= {"--force-color", "--skip-checks"}
    for name in ours:
        if name == "evolink_simulator":
            continue
        section = text.split(f"## `{name}`")[1].split("\n## ")[0]
        parser = load_command_class("django_wanvideo", name).create_parser("manage.py", name)
        options = {o for action in parser._actions for o in action.option_strings if o.startswith("--")}
        missing = {option for option in options - common if option not in section}
        assert not missing, f"{name}: {missing}"


def test_all_lines_of_the_doctor_are_documented():
    section = (DOCS / "commands.md").read_text().split("## `wanvideo_doctor`")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(CHECKS)


def looks(seconds: float) -> int:
    """GETs for one video that takes so long, by the services' own arithmetic."""
    at, gets, tries = schedule.first_poll(None).total_seconds(), 0, 0
    while at < seconds:
        gets, at, tries = gets + 1, at + schedule.next_poll(tries).total_seconds(), tries + 1
    return gets + 1  # the callback's own, or the look that finds it done


def test_the_table_of_looks_is_what_the_schedule_does(monkeypatch, settings):
    import datetime as dt

    monkeypatch.setattr(schedule, "_jitter", lambda seconds: dt.timedelta(seconds=seconds))
    for row in table(DOCS / "polling.md", "looks"):
        seconds = float(row[0].removesuffix(" s"))
        for cell, base in zip(row[1:], ["https://www.example.com", None], strict=True):
            settings.WANVIDEO = {"CALLBACK_BASE_URL": base}
            assert looks(seconds) == int(cell), (row, base)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target and not target.startswith("docs/images/"):
            assert (page.parent / target).exists(), target


def test_every_page_is_in_the_table_of_contents():
    listed = set(re.findall(r"^(\w+)$", (DOCS / "index.md").read_text(), re.MULTILINE))
    assert {page.stem for page in DOCS.glob("*.md")} - {"index"} == listed & {page.stem for page in DOCS.glob("*.md")}


def test_documented_commands_exist_with_their_options():
    """Every `manage.py` line of ours can be parsed."""
    import shlex

    for page in PAGES:
        for line in re.findall(r"(?:manage\.py|^`?)\s*((?:wanvideo_\w+|evolink_simulator) [^`\n]*)", page.read_text()):
            name, *arguments = shlex.split(line.split("  #")[0], comments=True)
            if not any(argument.startswith("--") for argument in arguments):
                continue
            parser = load_command_class("django_wanvideo", name).create_parser("manage.py", name)
            given = [argument for argument in arguments if argument.startswith("--")]
            options = {option for action in parser._actions for option in action.option_strings}
            assert set(given) <= options, line


def contract() -> types.ModuleType:
    """The part of the documentation's own extension that needs no Sphinx."""
    spec = importlib.util.spec_from_file_location("contract", DOCS / "_ext" / "contract.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_picture_has_every_room_of_the_contract_at_its_floor():
    drawing = contract()
    floors = drawing.floors()
    texts = [
        (float(y), label)
        for y, label in re.findall(r'<text x="[\d.]+" y="([\d.]+)">(.+?)</text>', drawing.picture(floors))
    ]
    assert [label for _y, label in texts] == [room.label for floor in floors for room in floor]
    assert texts == sorted(texts, key=lambda text: text[0])
    assert {"admin/", "services/", "models/", "conf.py"} <= {label for _y, label in texts}


def test_every_room_of_the_package_says_what_it_is_for():
    rooms = [room for floor in contract().floors() for room in floor]
    named = {part.source for room in rooms for part in (room, *room.rooms)}
    assert {path for path in PACKAGE.glob("*/*/__init__.py") if "migrations" not in path.parts} <= named
    assert all(part.summary for room in rooms for part in (room, *room.rooms))


@pytest.mark.parametrize(("layers", "says"), [('["gone"]', "gone, which is not there"), ('["silent"]', "no docstring")])
def test_a_contract_that_the_package_does_not_keep_is_no_picture(tmp_path, layers, says):
    drawing = contract()
    (tmp_path / "django_wanvideo" / "silent").mkdir(parents=True)
    (tmp_path / "django_wanvideo" / "silent" / "__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text(
        f'[[tool.importlinter.contracts]]\ntype = "layers"\ncontainers = ["django_wanvideo"]\nlayers = {layers}\n'
    )
    with pytest.raises(drawing.ContractError, match=says):
        assert [room.summary for floor in drawing.floors(tmp_path) for room in floor]


def prose(page: Path) -> str:
    """A page without the marks of its blocks."""
    return re.sub(r"^ *```.*$", "", page.read_text(), flags=re.MULTILINE)


def test_every_file_of_the_code_that_is_named_is_there():
    text = "".join(prose(page) for page in PAGES)
    named = {code for code in codes(text) if re.fullmatch(r"[\w.-]+(/[\w.-]+)*\.(py|md|html|css|toml)", code)}
    folders = (ROOT, PACKAGE, PACKAGE / "templates", PACKAGE / "static")
    assert {"conf.py", "README.md", "tests/test_conf.py"} <= named
    assert {name for name in named if not any((folder / name).is_file() for folder in folders)} == set()


#: What stands at the top of the package, by which a dotted name is known for one of the code.
TOP = {path.stem for path in PACKAGE.iterdir() if path.suffix in {"", ".py"}}
#: Of what class the rows are that pages call so.
ROWS = {"task": "models.VideoTask", "event": "models.TaskEvent"}


def names_in(text: str) -> list[str]:
    """The dotted names of the code in backticks; not those of files, nor ids of Django's checks."""
    found = []
    for code in codes(text):
        first, _, rest = code.removesuffix("()").removeprefix(f"{PACKAGE.name}.").partition(".")
        name = f"{ROWS.get(first, first)}.{rest}"
        is_other = re.search(r"\.(py|md|toml|[EW]\d{3})$", name)
        if re.fullmatch(r"[a-z_]+(\.\w+)+", name) and name.split(".")[0] in TOP and not is_other:
            found.append(name)
    return found


def is_there(name: str) -> bool:
    """Whether a dotted name inside of the package stands for something."""
    try:
        pkgutil.resolve_name(f"{PACKAGE.name}.{name}")
    except (AttributeError, ImportError):
        return False
    return True


def walk() -> list[str]:
    """The functions of the walk of a task, in its order."""
    return [name for row in table(DOCS / "architecture.md", "walk") for name in names_in(row[1])]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_every_name_of_the_code_is_there(page):
    assert [name for name in names_in(prose(page)) if not is_there(name)] == []


def test_names_of_the_code_are_found():
    assert {"models.VideoTask.status", "conf.Conf.INSTALLATION"} <= set(names_in(prose(DOCS / "glossary.md")))
    assert {"models.lifecycle.advance", "jobs.submit"} <= set(walk())
    assert not is_there("models.lifecycle.advanced")


@contextmanager
def traced(functions: dict[types.CodeType, str]):
    """The names of those ``functions`` that are called, in the order of their calls, in whatever thread."""
    calls: list[str] = []

    def look(frame, event, _argument):
        if event == "call" and frame.f_code in functions:
            calls.append(functions[frame.f_code])

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


@pytest.mark.usefixtures("receivers")
def test_the_walk_of_a_task_is_what_the_code_does(evolink_simulator, wanvideo_picture, client):
    functions = {inspect.unwrap(pkgutil.resolve_name(f"{PACKAGE.name}.{name}")).__code__: name for name in walk()}
    told = []

    def tell(sender, task, **kwargs):
        told.append(task.status)

    signals.video_completed.connect(tell)
    client.force_login(get_user_model().objects.create_superuser("alice", "a@example.com", "x"))
    task = VideoTask.objects.create_task("A cat", wanvideo_picture())
    changelist = reverse("admin:wanvideo_videotask_changelist")
    prices = client.post(changelist, {"action": "submit_selected", "_selected_action": [str(task.pk)]}, follow=True)
    (plan,) = re.findall(r'name="plan" value="([^"]+)"', prices.content.decode())
    with traced(functions) as calls:
        client.post(reverse("admin:wanvideo_videotask_send"), {"plan": plan})
        jobs.run_here("submit", str(task.pk))
        attempt = task.attempt
        evolink_simulator.complete(attempt.provider_task_id)
        address = reverse("wanvideo:callback", args=[attempt.pk, callback_tokens.sign(attempt.pk)])
        client.post(address, {"id": attempt.provider_task_id}, content_type="application/json")
        jobs.run_here("sync")
        jobs.run_here("store", str(task.pk))
        jobs.run_here("notify", str(task.pk))
    assert told == [TaskStatus.COMPLETED]
    left = iter(calls)
    missing = [name for name in walk() if name not in left]
    assert missing == []


def hooks(mark: str) -> list[list[str]]:
    """What stands in backticks in each row's first two cells of a table of what a site may override."""
    return [[*codes(row[0]), *codes(row[1])] for row in table(DOCS / "overriding.md", mark)]


def takes_code(name: str) -> bool:
    """Whether a setting may be a callable, by its type."""
    (kinds,) = get_args(getattr(vars(Conf)[name], "__orig_class__", Setting[None]))
    return any(get_origin(kind) is Callable for kind in get_args(kinds))


def test_every_setting_that_takes_code_is_among_what_a_site_may_override():
    named = {name for row in table(DOCS / "overriding.md", "hooks-settings") for name in codes(row[0])}
    code = {name for name in known_names() if takes_code(name)}
    assert {"API_KEY", "UPLOAD_TO", "CREDIT_LIMITS"} <= code <= named <= set(known_names())


def test_every_signal_is_among_what_a_site_may_override():
    ((*named,),) = hooks("hooks-signals")
    assert set(named) == {name for name, value in vars(signals).items() if isinstance(value, signals.Signal)}


def test_site_may_override_of_admin():
    """What a site may override of the admin is there with the arguments that are named."""
    for row in table(DOCS / "overriding.md", "hooks-admin"):
        for code in codes(row[0]):
            name, _, arguments = code.rstrip(")").partition("(")
            found = getattr(VideoTaskAdmin, name)
            if arguments:
                assert ["self", *arguments.split(", ")] == list(inspect.signature(found).parameters), code


def test_templates_that_a_site_may_override_have_the_blocks_that_are_named():
    for template, *blocks_of_it in hooks("hooks-templates"):
        source = (PACKAGE / "templates" / template).read_text()
        assert set(blocks_of_it) <= set(re.findall(r"{% block ([\w-]+) %}", source)), template


def test_a_site_may_decide_what_is_a_form_and_fill_a_block_of_a_page(admin_client, monkeypatch, settings, tmp_path):
    template = "admin/wanvideo/videotask/change_form.html"
    (tmp_path / template).parent.mkdir(parents=True)
    (tmp_path / template).write_text(
        f'{{% extends "{template}" %}}{{% block form_top %}}House rules{{{{ block.super }}}}{{% endblock %}}'
    )
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    draft = VideoTask.objects.create(prompt="A cat", model="wan2.6-text-to-video")

    def page() -> str:
        return admin_client.get(reverse("admin:wanvideo_videotask_change", args=[draft.pk])).content.decode()

    assert "House rules" in page()
    assert 'name="metadata"' in page()
    monkeypatch.setattr(VideoTaskAdmin, "may_edit_metadata", lambda self, request: False)
    assert 'name="metadata"' not in page()
    assert 'name="prompt"' in page()
    monkeypatch.setattr(VideoTaskAdmin, "is_editable", lambda self, request, obj: False)
    assert 'name="prompt"' not in page()


def test_deleting_a_task_sends_djangos_signal_and_moving_it_sends_none(evolink_simulator, wanvideo_picture):
    sent = []

    def hear(sender, signal, **kwargs):
        sent.append(signal)

    task = VideoTask.objects.create_task("A cat", wanvideo_picture())
    for signal in (post_save, post_delete):
        signal.connect(hear, sender=VideoTask)
    try:
        task.submit()
        run_until_finished(task)
        assert sent == []
        task.delete()
        assert sent == [post_delete]
    finally:
        for signal in (post_save, post_delete):
            signal.disconnect(hear, sender=VideoTask)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_whatever_a_block_imports_from_the_package_is_there(page):
    for code in blocks(page):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE.name:
                for alias in node.names:
                    assert is_there(f"{node.module}.{alias.name}".removeprefix(f"{PACKAGE.name}.")), (alias.name, page)


def test_the_page_of_models_is_that_of_the_catalogue():
    assert models_page.PAGE.read_text() == models_page.text(), "make models-page writes it anew"
