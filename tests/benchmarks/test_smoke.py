"""Every benchmark runs, with sizes too small to say anything about speed.

Those that prove a promise run on each change; the others beside the benchmarks themselves.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.soak import plan
from benchmarks.soak.remote import EVERYBODY
from benchmarks.tables import Verdict
from django_wanvideo.simulator.provider.faults import Fault, FaultRegistry

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


@pytest.mark.thorough
def test_the_callback_benchmark_prints_what_each_receiver_costs() -> None:
    done = run("benchmarks.callback", "--database", "sqlite", "--rounds", "2", "--calls", "5", "--no-goal")
    assert done.returncode == 0, done.stderr
    table = rows(done.stdout)
    assert table["bare DRF view, 1 INSERT"][2:4] == ["1.00", "1"]
    _best, _median, _ratio, sql, commits, _redis = table["django-wanvideo"]
    assert (sql, commits) == ("1", "0")


@pytest.mark.thorough
@pytest.mark.parametrize("storage", ["default", "chunks"])
def test_the_store_benchmark_prints_speed_and_memory_and_stays_small(storage: str) -> None:
    done = run("benchmarks.store", "--mib", "48", "--rounds", "1", "--storage", storage, "--no-goal")
    assert done.returncode == 0, done.stderr
    _speed, _ratio, growth = rows(done.stdout)["django-wanvideo"]
    assert float(growth) < 12
    assert "met     memory growth" in done.stdout


@pytest.mark.thorough
@pytest.mark.fault("K13.looks-one-after-another")
def test_the_looks_benchmark_keeps_the_limit_whatever_the_speed() -> None:
    done = run("benchmarks.looks", "--database", "sqlite", "--tasks", "48", "--rounds", "1", "--no-goal")
    assert done.returncode == 0, done.stderr
    for line in ("reads beside one GET per look: 0", "violations of the limit: 0", "tasks that nobody looked at: 0"):
        assert f"met     {line}, must be 0" in done.stdout
    # One after another there would be 6.7.
    assert float(rows(done.stdout)["a job of 48"][0]) > 10


@pytest.mark.thorough
def test_the_look_benchmark_prints_both_ways() -> None:
    done = run("benchmarks.look", "--rounds", "2", "--calls", "10", "--no-goal")
    assert done.returncode == 0, done.stderr
    table = rows(done.stdout)
    assert table["requests.Session.get"][2] == "1.00"
    assert float(table["EvoLinkClient.get_task"][2]) > 0


@pytest.mark.slow
@pytest.mark.fault("K13.idle-sweep")
def test_an_idle_sweep_asks_few_questions_and_reads_no_large_table() -> None:
    done = run("benchmarks.sweep", "--rows", "20000", "--passes", "5", "--no-goal")
    assert done.returncode == 0, done.stderr
    assert "met     queries of a pass with nothing due: 3" in done.stdout
    assert "met     large tables that are read from end to end: 0" in done.stdout


@pytest.mark.thorough
def test_the_spending_benchmark_compares_the_page_with_all_entries() -> None:
    done = run("benchmarks.spending", "--rows", "400", "--days", "4", "--rounds", "1", "--no-goal")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 days summed" in done.stdout
    assert "met     differences between the page and all entries: 0, must be 0" in done.stdout


@pytest.mark.thorough
@pytest.mark.skipif(find_spec("gunicorn") is None, reason="gunicorn comes with the group bench only")
def test_a_storm_of_callbacks_loses_none() -> None:
    done = run("benchmarks.callback_load", "--callbacks", "200", "--no-goal")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "met     callbacks that were not answered with 200: 0" in done.stdout
    assert "met     callbacks kept: 200, must be 200" in done.stdout
    assert "met     callbacks that the job left unread: 0" in done.stdout


@pytest.mark.slow
def test_one_create_call_of_ours_is_one_post() -> None:
    """One create call of ours is one post whatever becomes of its answer."""
    done = run("benchmarks.charge_safety", "--only", "ours", "requests-retry")
    assert done.returncode == 0, done.stdout + done.stderr
    table = rows(done.stdout)
    assert table["django-wanvideo"] == ["1", "1", "1", "1"]
    assert table["requests + Retry(3, allowed_methods=None)"] == ["4", "4", "4", "4"]


@pytest.mark.thorough
def test_soak_comes_to_rest_with_nothing_lost() -> None:
    """The soak comes to rest with nothing lost and nothing charged twice."""
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
