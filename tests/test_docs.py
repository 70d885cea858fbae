"""What README and documentation say is true of the code: every snippet runs, every table is complete."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import types
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import get_commands, load_command_class

from django_wanvideo import checks, signals
from django_wanvideo.choices import Charge, CreditOutcome, TaskStatus
from django_wanvideo.conf import Conf, known_names
from django_wanvideo.health import CHECKS
from django_wanvideo.models import VideoTask
from django_wanvideo.services import schedule
from django_wanvideo.simulator import Options
from django_wanvideo.simulator.faults import FAULTS
from django_wanvideo.testing import picture, run_until_finished

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"
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
def test_without_a_key_in_the_environment_settings_load_and_a_check_says_so(page, monkeypatch, settings, tmp_path):
    monkeypatch.delenv("EVOLINK_API_KEY", raising=False)
    for code in blocks(page):
        if code.startswith("# settings.py") and "EVOLINK_API_KEY" in code:
            settings.WANVIDEO = run(code, INSTALLED_APPS=[], BASE_DIR=tmp_path)["WANVIDEO"]
            assert "wanvideo.E001" in {message.id for message in checks.check_settings(None)}


def test_urls_of_the_readme_lead_to_the_callback():
    scope = run(block(README, "# urls.py"), urlpatterns=[])
    (included,) = scope["urlpatterns"]
    assert (str(included.pattern), included.namespace) == ("wanvideo/", "wanvideo")


def test_the_readme_makes_a_video(evolink, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cat.jpg").write_bytes(picture().read())
    user = get_user_model().objects.create_user("alice")
    task = run(block(README, "# anywhere.py"), user=user)["task"]
    assert (task.owner, task.metadata, task.status) == (user, {"sku": "X1"}, TaskStatus.QUEUED)
    assert run_until_finished(task).status == TaskStatus.COMPLETED
    evolink.ledger.assert_charged_once()


@pytest.mark.usefixtures("receivers")
def test_the_readmes_own_tests_pass_with_the_readmes_receivers(evolink, wanvideo_picture, shop, capsys):
    connected = run(block(README, "# shop/receivers.py"))  # signals hold their receivers weakly
    scope = run(block(README, "# tests/test_shop.py"))
    scope["test_a_finished_video_is_shown_on_its_product"](evolink, wanvideo_picture)
    assert "show_video" in connected


@pytest.mark.parametrize("name", ["test_a_refused_picture_costs_nothing", "test_a_lost_answer_is_not_sent_again"])
def test_the_readmes_own_tests_of_failures_pass(evolink, wanvideo_picture, shop, name):
    run(block(README, "# tests/test_shop.py"))[name](evolink, wanvideo_picture)


@pytest.mark.usefixtures("receivers")
def test_the_readmes_receiver_of_failures_says_what_happened(evolink, wanvideo_picture, shop, capsys):
    connected = run(block(README, "# shop/receivers.py"))
    task = VideoTask.objects.create_task("A cat [fail:service_error: no]", wanvideo_picture(), metadata={"sku": "X1"})
    task.submit()
    run_until_finished(task)
    assert "No video for X1: no" in capsys.readouterr().out
    assert "say_so" in connected


def test_a_download_that_breaks_off_is_tried_again_as_documented(evolink, wanvideo_picture):
    scope = run(block(DOCS / "testing.md", "# tests/test_trouble.py"))
    scope["test_a_download_that_breaks_off_is_tried_again"](evolink, wanvideo_picture)


@pytest.mark.parametrize("fault", ["429", "no_available_channel"])
def test_a_busy_evolink_only_costs_time_as_documented(evolink, wanvideo_picture, fault):
    code = block(DOCS / "testing.md", "# tests/test_trouble.py")
    assert f'"{fault}"' in code
    run(code)["test_a_busy_evolink_only_costs_time"](evolink, wanvideo_picture, fault)


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
    evolink, wanvideo_picture, shop, monkeypatch, mailoutbox
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


def test_what_the_lifecycle_page_reads_is_there(evolink, wanvideo_picture):
    task = VideoTask.objects.create_task("A cat [fail:x]", wanvideo_picture())
    task.submit()
    run_until_finished(task)
    scope = run(block(DOCS / "lifecycle.md", "needing_attention"))
    assert scope["task"] == task


def test_the_rest_recipe_creates_and_lists_videos(evolink, rf, settings):
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


def test_the_batch_recipe_makes_drafts_and_sums_them_up(evolink, capsys):
    user = get_user_model().objects.create_user("alice")
    make = run(block(DOCS / "recipes.md", "one_prompt_for_all"))["one_prompt_for_all"]
    drafts = make([picture(), picture()], "A cat", user)
    assert [draft.status for draft in drafts] == ["draft", "draft"]
    assert capsys.readouterr().out.strip().endswith("credits")


def test_the_simulator_snippet_runs(capsys):
    run(block(DOCS / "simulator.md", "from django_wanvideo.simulator"))
    assert "sk-simulator" in capsys.readouterr().out


def test_the_money_snippet_settles_a_task(evolink, wanvideo_picture):
    from django_wanvideo.testing import run_pending

    evolink.faults.add("create", "accept_then_close")
    task = VideoTask.objects.create_task("A cat", wanvideo_picture())
    task.submit()
    run_pending()
    settle = run(block(DOCS / "money.md", "decisions"))["settle"]
    (entry,) = evolink.ledger
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


def test_all_signals_are_in_the_readme():
    names = {name for name, value in vars(signals).items() if isinstance(value, signals.Signal)}
    assert names == set(re.findall(r"^\| `(video_\w+)` \|", README.read_text(), re.MULTILINE))


def test_all_statuses_are_on_the_lifecycle_page():
    rows = re.findall(r"^\| (`.+?`) \|", (DOCS / "lifecycle.md").read_text(), re.MULTILINE)
    assert [code for row in rows for code in codes(row)] == TaskStatus.values


def test_all_verdicts_on_a_charge_and_on_an_entry_of_the_ledger_are_on_the_money_page():
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
