"""An ``UPLOAD_TO`` that can never work is found by ``check``, not by the first paid video."""

from __future__ import annotations

import functools

import pytest
from django.core.checks import ERROR, WARNING

from django_wanvideo import checks

GOOD = {"API_KEY": "sk-test", "CALLBACK_BASE_URL": "https://site.example", "QUEUE": "wanvideo"}
OUT = "lead out of the storage"

NEVER = {
    "a number": (5, "it is int"),
    "bytes": (b"videos/", "it is bytes"),
    "absolute": ("/srv/videos/", OUT),
    "up": ("../videos/", OUT),
    "up and down again": ("videos/../../videos/", OUT),
    "up at the end": ("videos/..", OUT),
    "up with backslashes": ("..\\videos", OUT),
    "another machine": ("\\\\server\\videos", OUT),
    "a drive": ("C:/videos/", OUT),
    "a NUL": ("videos/\x00/", "no file can have"),
    "half a character": ("videos/\ud83d/", "UPLOAD_TO"),
    "a line end": ("videos/\n/", "no file can have"),
    "a line end by date": ("%n/videos/", "no file can have"),
    "300 characters": ("v" * 300 + "/", "can be kept"),
    "one argument": (lambda instance: "x.mp4", "takes (task, file name)"),
    "three arguments": (lambda instance, name, more: name, "takes (task, file name)"),
    "gives nothing": (lambda instance, name: None, "returned NoneType"),
    "gives bytes": (lambda instance, name: b"x.mp4", "returned bytes"),
    "gives no name": (lambda instance, name: "", "UPLOAD_TO"),
    "gives a folder": (lambda instance, name: "videos/", "end with no file"),
    "gives an absolute path": (lambda instance, name: "/srv/" + name, OUT),
    "gives a path up": (lambda instance, name: "../" + name, OUT),
}
ALWAYS = {
    "the storage itself": "",
    "a date": "videos/%Y-%m-%d/",
    "here": "./videos",
    "dots and a percentage": "100%/фильмы..1",
    "a function": lambda instance, name: f"{instance.pk}/{name}",
    "a function of any arguments": lambda *args: f"{args[0].pk}/{args[1]}",
    "a part of a function": functools.partial(lambda folder, instance, name: folder + name, "videos/"),
}


@pytest.fixture
def found(settings):
    def check(value):
        settings.WANVIDEO = {**GOOD, "UPLOAD_TO": value}
        return checks.check_settings(None)

    return check


@pytest.mark.fault("K9.upload-to-that-never-works")
@pytest.mark.parametrize(("value", "says"), NEVER.values(), ids=NEVER)
def test_what_can_never_work_is_an_error(found, value, says):
    (message,) = found(value)
    assert (message.id, message.level) == ("wanvideo.E011", ERROR)
    assert "UPLOAD_TO" in message.msg
    assert says in message.msg


@pytest.mark.fault("K9.upload-to-that-raises")
@pytest.mark.parametrize(
    "choose",
    [lambda task, name: task.owner.username, lambda task, name: task.metadata["sku"] + name],
    ids=["owner", "metadata"],
)
def test_a_function_that_fails_for_a_bare_task_is_warned_of(found, choose):
    (message,) = found(choose)
    assert (message.id, message.level) == ("wanvideo.W009", WARNING)
    assert message.hint


@pytest.mark.fault("K9.upload-to-that-never-works")
@pytest.mark.parametrize("value", ALWAYS.values(), ids=ALWAYS)
def test_what_works_is_not_complained_about(found, value):
    assert found(value) == []
