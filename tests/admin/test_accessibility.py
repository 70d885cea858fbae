"""Pages for keyboards and screen readers: what points at something finds it, what is pressed has a name."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

import pytest

from django_wanvideo import takes
from tests.admin.conftest import add_data, store, url

_VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "path", "circle"}
_POINTERS = ("for", "aria-describedby", "aria-labelledby", "aria-controls", "list")


class Page(HTMLParser):
    """The elements of a page with their attributes, texts and surroundings."""

    def __init__(self, response):
        super().__init__()
        self.elements = []
        self.open = []
        self.feed(response.content.decode())

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "text": "", "within": [other["tag"] for other in self.open], **dict(attrs)}
        self.elements.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append({"tag": tag, "text": "", "within": [], **dict(attrs)})

    def handle_endtag(self, tag):
        if any(element["tag"] == tag for element in self.open):
            while self.open.pop()["tag"] != tag:
                continue

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def every(self, *tags, **attributes):
        """Elements with one of the tags and all of the attributes."""
        return [e for e in self.elements if e["tag"] in tags and all(e.get(k) == v for k, v in attributes.items())]

    @property
    def ids(self):
        return Counter(element["id"] for element in self.elements if element.get("id"))


@pytest.fixture
def pages(admin_client, make_task, monkeypatch):
    monkeypatch.setattr("django_wanvideo.services.resolution.evidence.TIMEOUT", 0.01)

    def chosen():
        data = {"action": "submit_selected", "_selected_action": [str(make_task().pk), str(make_task("queued").pk)]}
        return admin_client.post(url("changelist"), data, follow=True)

    def retried():
        tasks = [make_task("failed", error_code=code) for code in ("service_error", "content_policy_violation")]
        data = {"action": "retry_selected", "_selected_action": [str(task.pk) for task in [*tasks, make_task()]]}
        return admin_client.post(url("changelist"), data, follow=True)

    def grouped():
        first = make_task("completed")
        store(first, b"1")
        takes.group(first, [make_task("processing"), make_task("completed", prompt="A fox sleeps")])
        return admin_client.get(url("takes", first.pk))

    def listed():
        for status in ("draft", "processing", "unconfirmed", "failed", "completed"):
            make_task(status)
        return admin_client.get(url("changelist"))

    return {
        "list": listed,
        "add": lambda: admin_client.get(url("add")),
        "refused": lambda: admin_client.post(
            url("add"), add_data(prompt="", duration="99", quality="x", first_frame_file=None)
        ),
        "processing": lambda: admin_client.get(url("change", make_task("processing").pk)),
        "failed": lambda: admin_client.get(url("change", make_task("failed", error_code="service_error").pk)),
        "confirm": chosen,
        "retry plan": retried,
        "resolve": lambda: admin_client.get(url("resolve", make_task("unconfirmed").pk)),
        "takes": grouped,
        "make takes": lambda: admin_client.get(url("make_takes", make_task("failed").pk)),
        "make takes refused": lambda: admin_client.post(
            url("make_takes", make_task("failed").pk), {"prompts": "", "repeats": "99"}
        ),
    }


NAMES = [
    "list",
    "add",
    "refused",
    "processing",
    "failed",
    "confirm",
    "retry plan",
    "resolve",
    "takes",
    "make takes",
    "make takes refused",
]


@pytest.mark.parametrize("name", NAMES)
def test_what_points_at_another_part_finds_exactly_one(pages, name):
    page = Page(pages[name]())
    wanted = {part for e in page.elements for pointer in _POINTERS for part in (e.get(pointer) or "").split()}
    assert {part: page.ids[part] for part in wanted if page.ids[part] != 1} == {}
    assert [part for part, count in page.ids.items() if count > 1] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_filled_in_or_pressed_has_a_name(pages, name):
    page = Page(pages[name]())
    labelled = {label.get("for") for label in page.every("label") if label["text"].strip()}
    nameless = []
    for element in page.every("input", "textarea", "select"):
        if element.get("type") in {"hidden", "submit"}:
            continue
        named = element.get("id") in labelled or element.get("aria-label") or "label" in element["within"]
        nameless += [] if named else [element]
    nameless += [
        e
        for e in page.every("button", "a")
        if not (e["text"].strip() or e.get("aria-hidden") or e.get("aria-label") or e.get("title"))
    ]
    nameless += [e for e in page.every("progress", "video") if not e.get("aria-label")]
    nameless += [e for e in page.every("img") if e.get("alt") is None]
    assert nameless == []


def test_each_error_is_told_at_its_field(pages):
    page = Page(pages["refused"]())
    errors = [e for e in page.every("ul") if "errorlist" in (e.get("class") or "")]
    assert len(errors) == 4
    for error in errors:
        pointing = [e for e in page.elements if error.get("id") in (e.get("aria-describedby") or "").split()]
        assert pointing, error
    invalid = {e.get("name") for e in page.every("input", "textarea", "select") if e.get("aria-invalid") == "true"}
    assert {"prompt", "duration", "first_frame_file", "quality"} <= invalid


def test_add_page_is_walked_through_in_order(pages):
    """The add page is walked through in the order in which it is filled in."""
    page = Page(pages["add"]())
    controls = page.every("input", "textarea", "select", "button")
    names = [e["name"] for e in controls if e.get("name") and e.get("type") != "hidden"]
    order = list(dict.fromkeys(name for name in names if name != "_model"))
    wanted = [
        "first_frame_file",
        "first_frame_url",
        "prompt",
        "_add",
        "model",
        "duration",
        "quality",
        "generate_audio",
    ]
    wanted += ["prompt_extend", "shot_type", "notes", "metadata", "_generate", "_save"]
    assert [name for name in order if name in wanted] == wanted
    assert not [e for e in page.elements if (e.get("tabindex") or "0") not in {"0", "-1"}]


def test_the_button_that_spends_says_so_to_readers_too(pages):
    for name in ("add", "confirm"):
        page = Page(pages[name]())
        (button,) = [e for e in page.every("button") if "for about" in e["text"]]
        assert button["aria-describedby"] == "id_price"
