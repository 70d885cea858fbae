"""``manage.py demo`` as a person runs it: everything starts, one video is made, everything ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from tests.settings import free_port
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.demo,
    pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for left processes in /proc"),
]
NOT_OURS = re.compile(
    r"SECRET_KEY|DEBUG|DATABASE_URL|REDIS_URL|MEDIA_ROOT|EVOLINK_.*|CALLBACK_BASE_URL|PUBLIC_MEDIA_BASE_URL|DJANGO_.*|WANVIDEO_.*"
)


def processes_of(place):
    """Name the processes that still live in the environment of a run."""
    left = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if command and f"WANVIDEO_DEMO_DIR={place}".encode() in environment:
            left.append(command)
    return left


class Demo:
    """A running demo, whose lines are collected while it runs."""

    def __init__(self, *arguments, port=None, **variables):
        env = {key: value for key, value in os.environ.items() if not NOT_OURS.fullmatch(key)}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--port", str(port or free_port()), *arguments],
            cwd=ROOT,
            env=env | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        self.lines.extend(iter(self.process.stdout.readline, ""))

    @property
    def text(self):
        return "".join(self.lines)

    def wait_for(self, text, seconds=120):
        wait_until(lambda: text in self.text or self.process.poll() is not None, text, seconds, lambda: self.text)
        assert text in self.text, self.text

    def wait(self, seconds=180):
        code = self.process.wait(timeout=seconds)
        self.reader.join(timeout=5)
        self.process.stdout.close()
        return code


@pytest.fixture
def demo(tmp_path):
    started = []

    def start(*arguments, **variables):
        running = Demo(*arguments, TMPDIR=str(tmp_path), **variables)
        started.append(running)
        return running

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGTERM)
            running.wait(60)


def places(tmp_path):
    return list(tmp_path.glob("wanvideo-demo-*"))


def test_once_makes_a_video_checks_it_and_leaves_nothing(demo, tmp_path):
    run = demo("--once", "--duration", "3", "--keep")
    assert run.wait() == 0, run.text
    stages = [
        re.sub(r"^✓\s+[\d.]+ s\s+", "", line).split("  ")[0].strip() for line in run.lines if line.startswith("✓")
    ]
    assert stages == [
        "database ready",
        "site started",
        "logged in",
        "task added",
        "submitted",
        "accepted",
        "called back",
        "stored",
        "decoded",
        "product has it",
        "all done",
    ]
    assert re.search(r"decoded +h264 \d+x\d+, \d+ frames, (2\.[89]|3\.[012])", run.text)
    assert "\x1b" not in run.text
    (place,) = places(tmp_path)
    assert processes_of(place) == []


def test_once_ends_with_the_reason_when_the_image_is_none(demo, tmp_path):
    image = tmp_path / "notes.jpg"
    image.write_text("not a picture")
    run = demo("--once", "--image", str(image))
    assert run.wait() == 1
    assert re.search(r"✗ +[\d.]+ s +failed +The admin refused the form", run.text), run.text
    assert places(tmp_path) == []


def test_a_picture_that_is_not_there_is_told_before_anything_starts(demo, tmp_path):
    run = demo("--once", "--image", "/no/such.jpg")
    assert run.wait() == 1
    assert run.text.strip() == "CommandError: There is no image file /no/such.jpg."
    assert places(tmp_path) == []


def test_a_proof_that_is_cut_short_fails_and_leaves_no_process(demo, tmp_path):
    run = demo("--once", "--progression", "manual", "--keep")
    run.wait_for("accepted")
    (place,) = places(tmp_path)
    assert len(processes_of(place)) >= 5
    started = time.monotonic()
    run.process.send_signal(signal.SIGTERM)
    assert run.wait(30) == 130, run.text
    assert time.monotonic() - started < 20
    assert processes_of(place) == []


def test_demo_runs_until_asked_to_end(demo, tmp_path):
    """It shows one stream, refuses a second demo on its data, and ends well."""
    run = demo("--data", str(tmp_path / "data"))
    run.wait_for("User admin, password admin.")
    address = re.search(r"Open (http://\S+)", run.text)[1]
    for page in (address, address.replace("admin/", "static/admin/css/base.css")):
        try:
            assert requests.get(page, timeout=10).status_code == 200
        except requests.RequestException as error:
            pytest.fail(f"{error}\n{run.text}")
    run.wait_for("GET /static/admin/css/base.css")
    assert len(processes_of(tmp_path / "data")) >= 5
    second = demo("--data", str(tmp_path / "data"))
    assert second.wait() == 1
    assert "A demo is already running" in second.text
    run.process.send_signal(signal.SIGINT)
    assert run.wait(30) == 0, run.text
    assert run.lines[-1].endswith("all stopped\n")
    assert processes_of(tmp_path / "data") == []


def test_a_port_that_is_taken_is_told(demo):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = demo("--once", port=port)
        assert run.wait() == 1
        assert f"Port {port} is taken." in run.text


def test_a_process_that_cannot_start_is_told_with_its_last_lines(demo):
    run = demo("--once", "--progression", "sometimes")
    assert run.wait() == 1
    assert re.search(r"(?s)The evolink process ended with \d+\..*Unknown progression 'sometimes'", run.text), run.text
