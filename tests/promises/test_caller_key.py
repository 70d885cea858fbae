"""Processes that make the same wish at the same time make one task.

``WANVIDEO_TEST_KEYS`` is the number of processes and of keys: ``4x12`` by default. The full size takes minutes:

    WANVIDEO_TEST_DATABASE=postgres WANVIDEO_TEST_KEYS=64x100 pytest tests/promises/test_caller_key.py
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from django_wanvideo.choices import EventKind
from django_wanvideo.models import MediaInput, TaskEvent, VideoTask
from tests.pictures import picture
from tests.promises import processes

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

PROCESSES, KEYS = map(int, (os.environ.get("WANVIDEO_TEST_KEYS") or "4x12").split("x"))

pytestmark = [pytest.mark.integration, pytest.mark.fault("K1.caller-key-race")]


@pytest.mark.django_db(transaction=True)
def test_processes_with_the_same_keys_make_one_task_each(settings: SettingsWrapper, tmp_path: Path):
    def files() -> int:
        return sum(path.is_file() for path in Path(settings.MEDIA_ROOT).rglob("*"))

    drawn, before = tmp_path / "cat.jpg", files()
    drawn.write_bytes(picture().read())
    # Connections of the server are few; this process needs none while the others race.
    connection.close()
    command = ("-m", "tests.promises.key_racer", str(KEYS), str(drawn))
    processes.race(tmp_path, *[command] * PROCESSES, seconds=900)
    assert VideoTask.objects.count() == KEYS
    assert MediaInput.objects.count() == KEYS
    assert files() - before == 2 * KEYS, "each picture and its small one; a lost race stores nothing"
    assert TaskEvent.objects.filter(kind=EventKind.CREATED).count() == KEYS
