"""Every benchmark runs, with sizes too small to say anything about speed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.soak import plan
from benchmarks.soak.remote import EVERYBODY
from benchmarks.tables import Verdict
from django_wanvideo.simulator.faults import Fault, FaultRegistry

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="The benchmarks read /proc.")


def run(*arguments: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a benchmark with engines of its own, not those of this test run."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("WANVIDEO_", "DJANGO_"))}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, timeout=seconds, capture_output=True, text=True, check=False
    )


def rows(output: str) -> dict[str, list[str]]:
    """The rows of a printed table: what is at the left, and the numbers after it."""
    found = {}
    for line in output.splitlines():
        name, *cells = [cell for cell in line.split("  ") if cell.strip()] or [""]
        found[name.strip()] = [cell.strip() for cell in cells]
    return found


@pytest.mark.slow
def test_the_callback_benchmark_prints_what_each_receiver_costs() -> None:
    done = run("benchmarks.callback", "--database", "sqlite", "--rounds", "2", "--calls", "5", "--no-goal")
    assert done.returncode == 0, done.stderr
    table = rows(done.stdout)
    assert table["bare DRF view, 1 INSERT"][2:4] == ["1.00", "1"]
    _best, _median, _ratio, sql, commits, _redis = table["django-wanvideo"]
    assert (sql, commits) == ("1", "0")


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["default", "chunks"])
def test_the_store_benchmark_prints_speed_and_memory_and_stays_small(storage: str) -> None:
    done = run("benchmarks.store", "--mib", "48", "--rounds", "1", "--storage", storage, "--no-goal")
    assert done.returncode == 0, done.stderr
    _speed, _ratio, growth = rows(done.stdout)["django-wanvideo"]
    assert float(growth) < 20
    assert "met     memory growth" in done.stdout


@pytest.mark.slow
def test_one_create_call_of_ours_is_one_post_whatever_becomes_of_its_answer() -> None:
    done = run("benchmarks.charge_safety", "--only", "ours", "requests-bare", "requests-retry")
    assert done.returncode == 0, done.stdout + done.stderr
    table = rows(done.stdout)
    assert table["django-wanvideo"] == ["1", "1", "1", "1"]
    assert table["requests"] == ["1", "1", "1", "1"]
    assert table["requests + Retry(3, allowed_methods=None)"] == ["4", "4", "4", "4"]


@pytest.mark.thorough
def test_the_soak_comes_to_rest_with_nothing_lost_and_nothing_charged_twice() -> None:
    done = run("benchmarks.soak", "--seconds", "8", "--tasks", "8", "--settle", "150", "--seed", "3", seconds=500)
    assert done.returncode == 0, done.stdout + done.stderr
    table = rows(done.stdout)
    assert table["intents"] == ["8"]
    assert int(table["accepted"][0]) > 0
    assert table["stored"] != ["0"]


def test_the_same_seed_makes_the_same_soak_and_another_seed_another() -> None:
    assert plan.blows(5, 60) == plan.blows(5, 60)
    assert plan.blows(5, 60) != plan.blows(6, 60)
    assert plan.wishes(5, 60, 50) == plan.wishes(5, 60, 50)
    assert plan.troubles(5, 60) == plan.troubles(5, 60)
    assert plan.troubles(5, 60) != plan.troubles(6, 60)


def test_every_trouble_comes_up_in_the_short_soaks_that_run_by_turns() -> None:
    seen = [{blow.victim for blow in plan.troubles(seed, 20)} for seed in (1, 2, 3)]
    assert set.union(*seen) == set(plan.TROUBLES)
    assert all(len(some) >= 4 for some in seen)


def test_the_soaks_faults_are_faults_that_the_simulator_knows() -> None:
    FaultRegistry().random(1, plan.FAULTS)
    for spec in (spec for answers in EVERYBODY.values() for spec in answers):
        FaultRegistry().put(Fault.parse(spec))


def test_a_missed_goal_is_an_exit_code_unless_goals_are_only_printed(capsys) -> None:
    binding, printing = Verdict(binding=True), Verdict(binding=False)
    for verdict in (binding, printing):
        verdict.at_least("speed", 0.8, 0.8)
        assert verdict.exit_code() == 0
        verdict.below("memory", 20.0, 20.0, "MB")
    assert (binding.exit_code(), printing.exit_code()) == (1, 0)
    assert "MISSED  memory: 20.0 MB, goal < 20 MB" in capsys.readouterr().out
