"""Child processes of the demo are heard, watched, and always ended."""

from __future__ import annotations

import io
import os
import sys
import time

import pytest
from django.core.management.base import CommandError

from example_project.demo.output import Printer
from example_project.demo.processes import Child, ProcessGroup
from tests.waiting import wait_until


@pytest.fixture
def group():
    group = ProcessGroup(Printer(io.StringIO()))
    yield group
    group.stop(patience=1)


def child(code, name="kid"):
    return Child(name, [sys.executable, "-u", "-c", code], colour="blue")


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_lines_of_a_process_come_through_with_its_name(group):
    group.start(child("import sys; print('out'); print('err', file=sys.stderr); input()"))
    wait_until(lambda: group.children[0].exit_code() is not None)
    group.children[0].finish_reading()
    lines = group.printer.stream.getvalue().splitlines()
    assert "kid      │ out" in lines
    assert "kid      │ err" in lines


def test_a_process_that_dies_is_reported_with_its_last_lines(group):
    group.start(child("print('no database'); raise SystemExit(3)"))
    wait_until(lambda: group.children[0].exit_code() is not None)
    with pytest.raises(CommandError, match=r"(?s)kid process ended with 3\..*no database"):
        group.check()


def test_waiting_ends_with_the_reason_when_the_condition_never_comes(group):
    group.start(child("import time; print('busy'); time.sleep(60)"))
    wait_until(lambda: group.children[0].last_lines)
    with pytest.raises(CommandError, match=r"(?s)in vain for the moon.*busy"):
        group.wait_until(lambda: False, "the moon", seconds=0.2)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks into /proc")
def test_process_that_ignores_every_polite_signal(group):
    """A process that ignores every polite signal is ended with all its children."""
    group.start(
        child(
            "import os, signal, subprocess, sys, time\n"
            "for number in (signal.SIGTERM, signal.SIGINT): signal.signal(number, signal.SIG_IGN)\n"
            "kid = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
            "print(os.getpid(), kid.pid); time.sleep(60)",
        ),
    )
    wait_until(lambda: group.children[0].last_lines)
    pids = [int(pid) for pid in group.children[0].last_lines[0].split()]
    started = time.monotonic()
    group.stop(patience=0.3)
    assert time.monotonic() - started < 8
    wait_until(lambda: not any(is_alive(pid) for pid in pids), seconds=5)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks into /proc")
def test_whoever_outlives_a_polite_process_is_ended_too(group):
    group.start(
        child(
            "import signal, subprocess, sys, time\n"
            "deaf = 'import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)'\n"
            "kid = subprocess.Popen([sys.executable, '-c', deaf], stdout=subprocess.PIPE)\n"
            "kid.stdout.readline(); print(kid.pid); time.sleep(60)",
        ),
    )
    wait_until(lambda: group.children[0].last_lines)
    pid = int(group.children[0].last_lines[0])
    group.stop()
    wait_until(lambda: not is_alive(pid), seconds=5)


def test_processes_are_ended_in_the_reverse_of_their_order(group):
    code = "import signal, sys, time\ndef end(*a): print('bye'); sys.exit()\nsignal.signal(15, end)\nprint('hi')\ntime.sleep(60)"
    for name in ("first", "second"):
        group.start(child(code, name))
        wait_until(lambda: group.children[-1].last_lines)
    group.stop()
    said = [line.split()[0] for line in group.printer.stream.getvalue().splitlines() if line.endswith("bye")]
    assert said == ["second", "first"]
