"""`manage.py evolink_simulator` as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import pytest
import requests
from django.core.management import CommandError, call_command

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30


@contextmanager
def running(*arguments):
    """The command in a process of its own; gives the process, its address, and a queue of its lines."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.simulator.site", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "django", "evolink_simulator", "--port", "0", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: Queue[str] = Queue()

    def read():
        for line in process.stdout:
            lines.put(line.rstrip())
        lines.put("(end)")

    threading.Thread(target=read, daemon=True).start()
    try:
        yield process, lines
    finally:
        process.kill()
        process.wait(SECONDS)
        process.stdout.close()


def until(lines, pattern):
    seen = []
    while True:
        seen.append(lines.get(timeout=SECONDS))
        match = re.search(pattern, seen[-1])
        if match:
            return match
        assert seen[-1] != "(end)", "\n".join(seen)


def post(address, **values):
    body = {
        "model": "wan2.6-image-to-video-flash",
        "prompt": "A cat",
        "image_urls": ["https://pictures.example.com/cat.jpg"],
        "duration": 2,
    }
    headers = {"Authorization": "Bearer sk-simulator"}
    return requests.post(f"{address}/v1/videos/generations", json=body | values, headers=headers, timeout=10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_what_to_paste_serves_shows_requests_and_stops_cleanly(number):
    with running("--progression", "immediate") as (process, lines):
        address = until(lines, r"EvoLink simulator on (http://127\.0\.0\.1:\d+)/")[1]
        assert "sk-simulator" in lines.get(timeout=SECONDS)
        settings = lines.get(timeout=SECONDS) + lines.get(timeout=SECONDS)
        for part in (f'"BASE_URL": "{address}"', f'"FILES_URL": "{address}"', '"ALLOW_PRIVATE_HOSTS": True'):
            assert part in settings
        assert post(address).status_code == 200
        until(lines, r"<- POST /v1/videos/generations 200")
        process.send_signal(number)
        until(lines, r"Stopped\. 1 accepted, 6\.0000 credits billed\.")
        assert process.wait(SECONDS) == 0


def test_faults_are_made_as_told_and_quiet_is_quiet():
    with running("--fault", "create:429:1:retry_after=9", "--random-faults", "create:500=1", "--quiet") as (
        process,
        lines,
    ):
        address = until(lines, r"(http://127\.0\.0\.1:\d+)/")[1]
        assert post(address).headers["Retry-After"] == "9"
        assert post(address).status_code == 500
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
        rest = until(lines, "(?s).*\\(end\\)|Stopped")[0]
        assert "POST" not in rest


def test_a_key_of_ones_own_is_not_printed():
    with running("--api-key", "sk-own-secret") as (_process, lines):
        until(lines, "simulator on")
        line = lines.get(timeout=SECONDS)
        assert "the key you have given" in line
        assert "own-secret" not in line


def test_a_taken_port_is_explained():
    import socket

    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(CommandError, match=r"Cannot listen on 127\.0\.0\.1:\d+.*another --port"),
    ):
        call_command("evolink_simulator", port=taken.getsockname()[1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--progression", "later"], "Use immediate, polls:3"),
        (["--fault", "create:acept_then_close"], "Did you mean 'accept_then_close'"),
        (["--random-faults", "lots"], "Write a chance such as 0.05"),
        (["--random-faults", "create:nope=1"], "No fault 'nope'"),
        (["--random-faults", "create:429=2"], "must not be negative"),
        (["--host", "0.0.0.0"], "needs --allow-remote"),
        (["--credits", "many"], "numbers of credits"),
    ],
)
def test_wrong_arguments_are_explained(arguments, words):
    with pytest.raises(CommandError, match=re.escape(words)):
        call_command("evolink_simulator", "--port", "0", *arguments)


def test_without_werkzeug_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "werkzeug", None)
    with pytest.raises(CommandError, match=re.escape("pip install 'django-wanvideo[simulator]'")):
        call_command("evolink_simulator", "--port", "0")
