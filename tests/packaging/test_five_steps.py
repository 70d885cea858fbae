"""README's five steps, taken to the letter in a project that was started just now, end with a video that plays."""

from __future__ import annotations

import io
import os
import re
import shlex
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import av
import pytest
from redis import Redis
from rq import Worker

from django_wanvideo.simulator import Simulator
from django_wanvideo.testing import picture
from tests.settings import free_port
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^( *)```(python|console)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)

if not (ROOT / "README.md").is_file():
    pytest.skip("README is not part of this copy", allow_module_level=True)


def steps():
    """What README has a person write, by file, and run."""
    text = (ROOT / "README.md").read_text().split("five steps\n")[1].split("\n## ")[0]
    files, commands = {}, []
    for indent, kind, code in _BLOCK.findall(text):
        lines = [line.removeprefix(indent) for line in code.splitlines()]
        if kind == "python":
            files[lines[0].removeprefix("# ")] = "\n".join(lines) + "\n"
        else:
            commands += lines
    return files, commands


class Project:
    """What ``django-admin startproject`` makes, on a machine that knows the simulator and nothing of the tests."""

    def __init__(self, folder, key):
        unknown = ("DJANGO_", "WANVIDEO_", "PYTEST_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(unknown)}
        self.env = {**inherited, "PYTHONPATH": str(ROOT), "EVOLINK_API_KEY": key, "PYTHONUNBUFFERED": "1"}
        self.folder = folder
        self.run("django-admin startproject site1 .")

    def argv(self, line):
        program, *rest = shlex.split(line)
        return [sys.executable, *(["-m", "django"] if program == "django-admin" else []), *rest]

    def run(self, line):
        """Run a command to its end; return what it said."""
        done = subprocess.run(
            self.argv(line), cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def has_swept(self):
        """Tell whether a pass has ended."""
        with closing(sqlite3.connect(self.folder / "db.sqlite3")) as rows:
            return rows.execute("SELECT 1 FROM wanvideo_sitestate WHERE name = 'sweep'").fetchone()

    @contextmanager
    def running(self, line):
        """Run a command until the block ends."""
        log = self.folder / f"{shlex.split(line)[2]}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                self.argv(line), cwd=self.folder, env=self.env, stdout=output, stderr=subprocess.STDOUT
            )
            try:
                yield log
                assert process.poll() is None, f"{line}\n{log.read_text()[-4000:]}"
            finally:
                process.terminate()
                process.wait(30)


def answers(port):
    """Tell whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def workers_of(url):
    """Return a function that tells whether a worker is there."""
    connection = Redis.from_url(url)
    return lambda: Worker.count(connection=connection)


@pytest.mark.slow
@pytest.mark.fault("K11.five-steps")
def test_the_five_steps_end_with_a_video_that_plays(valkey, tmp_path):
    files, (install, *commands) = steps()
    assert install.endswith("install django-wanvideo")
    with Simulator(api_key="sk-five", small_videos=True) as evolink, ExitStack() as stack:
        project, port = Project(tmp_path, "sk-five"), free_port()
        for name, code in files.items():
            with (tmp_path / "site1" / name).open("a") as target:
                target.write(f"\n{code}")
        # What differs on this machine: no EvoLink, no Redis on its usual port, no address on the internet.
        with (tmp_path / "site1" / "settings.py").open("a") as target:
            target.write(
                f'WANVIDEO |= {{"BASE_URL": "{evolink.api_url}", "FILES_URL": "{evolink.files_url}", '
                f'"CALLBACK_BASE_URL": "http://127.0.0.1:{port}", "ALLOW_PRIVATE_HOSTS": True}}\n'
                f'RQ_QUEUES = {{"default": {{"URL": "{valkey}"}}}}\n'
            )
        site = f"python manage.py runserver --noreload 127.0.0.1:{port}"
        stack.enter_context(project.running(site))
        wait_until(lambda: answers(port), "the site", 60)
        for line in commands:
            if "rqworker" in line or "--loop" in line:
                stack.enter_context(project.running(line))
                wait_until(project.has_swept if "--loop" in line else workers_of(valkey), line, 60)
            else:
                said = project.run(line)
        assert "fail" not in said, said
        (tmp_path / "cat.jpg").write_bytes(picture().read())
        said = project.run('python manage.py wanvideo_generate --image cat.jpg --prompt "A cat" --yes --timeout 120')
        # What is in MEDIA_ROOT has its address below MEDIA_URL; here both are the folder "media".
        stored = Path(re.search(r"Stored: (.+\.mp4)", said)[1]).relative_to(tmp_path)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{stored}", timeout=30) as answer:
            content = answer.read()
        with av.open(io.BytesIO(content)) as film:
            assert sum(1 for _frame in film.decode(video=0)) > 10
        evolink.ledger.assert_charged_once()
