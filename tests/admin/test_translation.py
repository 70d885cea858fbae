"""Everything that staff read can be translated: the pages in a language in which every known text stands in brackets."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.contrib.messages import get_messages
from django.utils import timezone, translation
from django.utils.translation import trans_real

import django_wanvideo
from django_wanvideo import takes
from django_wanvideo.failures import ADVICE, advice_for, charge_words
from django_wanvideo.models import VideoTask
from tests.admin.batches import factories as batches
from tests.admin.conftest import add_data, store, url

TEMPLATES = Path(django_wanvideo.__file__).parent / "templates"
#: Elements whose text nobody reads, or reads as data.
DATA = {"script", "style", "code", "pre", "time", "textarea", "title", "datalist"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "path", "circle"}  # fmt: skip
SPOKEN = {"aria-label", "alt", "title", "placeholder", "data-once", "data-live", "data-paused", "data-done", "data-slow",
          "data-signed-out", "data-resume", "data-fits", "data-unknown"}  # fmt: skip
#: What is data, a name, a unit or a number in the pages below.
UNTRANSLATED = re.compile(
    r"""A\ fox\ trots\ on|boss|Autumn\ postcards|fox[\ -]\d+|other\ words|Wan\ 2\.6\ Flash|Django|\d{3,4}p|task-unified-\S+|\w+\.jpg
    |service_error|content_filter|https?://\S*|\d+|[\W_]+|\bpx\b|\bkB\b|\bMP4\b""",
    re.VERBOSE,
)


class Bracketed(trans_real.DjangoTranslation):
    """A language in which each text is itself in ⟦brackets⟧."""

    def gettext(self, message):
        # A text with a context comes as both, with a mark between them.
        return f"⟦{super().gettext(message.rpartition(trans_real.CONTEXT_SEPARATOR)[2])}⟧"

    def ngettext(self, singular, plural, number):
        return f"⟦{singular if number == 1 else plural}⟧"

    def pgettext(self, context, message):
        return f"⟦{message}⟧"

    def npgettext(self, context, singular, plural, number):
        return self.ngettext(singular, plural, number)


@pytest.fixture
def brackets(monkeypatch):
    """Speak the bracketed language while pages are made; formats of dates and numbers stay as they are."""
    language = Bracketed("en")
    monkeypatch.setattr(trans_real, "_default", language)
    monkeypatch.setitem(trans_real._translations, "en", language)
    monkeypatch.setitem(trans_real._translations, "en-us", language)
    with translation.override("en-us"):
        yield
    # Leaving the language has chosen ours again, which is still in its place.
    translation.deactivate()


class Reader(HTMLParser):
    """Collects what is read or spoken in our part of a page and does not stand in brackets."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.inside = 0
        self.depth = 0
        self.found = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        for name in SPOKEN & set(values):
            if self.inside and values[name]:
                self.read(values[name])
        if tag in VOID:
            return
        if not self.inside and {"wv"} & set((values.get("class") or "").split()):
            self.inside = len(self.open) + 1
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        return

    def handle_endtag(self, tag):
        if tag in VOID or tag not in self.open:
            return
        while self.open.pop() != tag:
            continue
        if len(self.open) < self.inside:
            self.inside = 0
            self.depth = 0

    def handle_data(self, data):
        if self.inside and not DATA & set(self.open):
            self.read(data)
        else:
            self.depth = 0

    def read(self, text):
        outside = []
        for character in text:
            self.depth += (character == "⟦") - (character == "⟧")
            if not self.depth and character != "⟧":
                outside.append(character)
        rest = UNTRANSLATED.sub("", "".join(outside))
        if rest.strip():
            self.found.append(text.strip())


def unbracketed(response):
    """Texts of the page that no translation reaches."""
    reader = Reader()
    reader.feed(response.content.decode())
    return reader.found


@pytest.fixture
def pages(admin_client, make_task, monkeypatch):
    """Each page, as a function that opens it."""
    monkeypatch.setattr("django_wanvideo.services.resolution.evidence.TIMEOUT", 0.01)

    def completed():
        task = make_task("completed", owner=admin_client.user, finished_at=timezone.now(), credits_used="11.9")
        store(task, b"0123456789")
        return task

    def change(task):
        return admin_client.get(url("change", task.pk))

    def listed():
        for status in ("draft", "queued", "submitting", "unconfirmed", "pending", "processing", "storing", "cancelled"):
            make_task(status)
        make_task("failed", error_code="service_error")
        completed()
        return admin_client.get(url("changelist"))

    def chosen():
        data = {"action": "submit_selected", "_selected_action": [str(make_task().pk), str(make_task("queued").pk)]}
        return admin_client.post(url("changelist"), data, follow=True)

    def grouped():
        first = make_task("completed", credits_used=1, finished_at=timezone.now())
        store(first, b"1")
        takes.group(first, [make_task()])
        first.pick(by=admin_client.user)
        return first

    def retried():
        codes = ("service_error", "content_policy_violation")
        tasks = [make_task("failed", error_code=code, accepted_at=timezone.now()) for code in codes]
        tasks += [make_task("failed", error_code="resource_not_found", provider_task_id="task-unified-1-x")]
        data = {"action": "retry_selected", "_selected_action": [str(task.pk) for task in [*tasks, make_task()]]}
        return admin_client.post(url("changelist"), data, follow=True)

    def batch():
        kinds = ["completed", "failed:service_error", "failed:content_filter", "unconfirmed", "queued", "processing"]
        return batches.standing(batches.made(admin_client.user, 6, bad=1), *kinds)

    return {
        "batch": lambda: admin_client.get(batches.url("change", batch().pk)),
        "batch of drafts": lambda: admin_client.get(batches.url("change", batches.made(admin_client.user).pk)),
        "batches": lambda: [batch(), admin_client.get(batches.url("changelist"))][1],
        "cancel batch": lambda: admin_client.get(batches.url("cancel", batch().pk)),
        "list": listed,
        "empty list": lambda: admin_client.get(url("changelist")),
        "nothing found": lambda: [make_task(), admin_client.get(url("changelist"), {"q": "whale"})][1],
        "add": lambda: admin_client.get(url("add")),
        "refused": lambda: admin_client.post(url("add"), add_data(prompt="", duration="99", first_frame_file=None)),
        "another model": lambda: admin_client.get(url("add"), {"model": "wan2.6-text-to-video"}),
        "draft": lambda: change(make_task()),
        "queued": lambda: change(make_task("queued")),
        "processing": lambda: change(make_task("processing", progress=42, accepted_at=timezone.now())),
        "completed": lambda: change(completed()),
        "failed": lambda: change(make_task("failed", error_code="service_error", finished_at=timezone.now())),
        "unknown failure": lambda: change(make_task("failed", error_code="content_filter")),
        "cancelled": lambda: change(make_task("cancelled")),
        "confirm": chosen,
        "retry plan": retried,
        "resolve": lambda: admin_client.get(url("resolve", make_task("unconfirmed").pk)),
        "make takes": lambda: admin_client.get(url("make_takes", make_task("failed").pk)),
        "takes": lambda: admin_client.get(url("takes", grouped().pk)),
    }


PAGES = [
    "batch", "batch of drafts", "batches", "cancel batch", "list", "empty list", "nothing found", "add", "refused", "another model", "draft", "queued", "processing", "completed",
    "failed", "unknown failure", "cancelled", "confirm", "retry plan", "resolve", "make takes", "takes",
]  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_no_text_of_a_page_escapes_translation(brackets, pages, name):
    response = pages[name]()
    assert response.status_code == 200
    assert "⟦" in response.content.decode()
    assert unbracketed(response) == []


def test_a_text_that_escapes_is_found():
    reader = Reader()
    reader.feed('<p>x</p><div class="wv"><p>⟦a ⟦b⟧ c⟧ A fox trots on 5</p><a title="Open me">Press</a></div><p>y</p>')
    assert reader.found == ["Open me", "Press"]


def test_messages_after_a_deed_are_translated(brackets, admin_client, make_task):
    answers = [
        admin_client.post(url("add"), add_data()),
        admin_client.post(url("operate", make_task("queued").pk, "cancel")),
        admin_client.post(url("operate", make_task("completed").pk, "cancel")),
        admin_client.post(url("operate", make_task("failed").pk, "retry")),
        admin_client.post(url("resolve", make_task("unconfirmed").pk), {"decision": "x"}),
        admin_client.post(url("send"), {"plan": "x"}),
        admin_client.post(
            url("changelist"), {"action": "cancel_selected", "_selected_action": [str(VideoTask.objects.first().pk)]}
        ),
    ]
    for answer in answers:
        words = [str(message) for message in get_messages(answer.wsgi_request)]
        assert words
        assert all(text.startswith(("⟦", "<")) or "⟦" in text for text in words), words


def test_advice_and_charges_are_translated(brackets, make_task):
    for code in ADVICE:
        advice = advice_for(code)
        assert str(advice.heading).startswith("⟦")
        assert str(advice.explanation).startswith("⟦")
        assert str(advice.whose_move).startswith("⟦")
        assert str(advice.hint)[:1] in {"⟦", ""}
    assert charge_words(make_task("completed")).verdict.startswith("⟦")


class Numbers(HTMLParser):
    """Collects attributes that a browser or a script reads as numbers."""

    READ = {"min", "max", "step", "data-limit", "data-max-bytes", "data-min-side", "data-max-side"}

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [(tag, name, value) for name, value in attrs if name in self.READ]


@pytest.mark.django_db
def test_what_scripts_read_as_numbers_is_the_same_in_every_language(admin_client, settings):
    settings.USE_THOUSAND_SEPARATOR = True
    with translation.override("de"):
        page = admin_client.get(url("add"), headers={"accept-language": "de"}).content.decode()
    numbers = Numbers()
    numbers.feed(page)
    assert {name for _tag, name, _value in numbers.found} >= Numbers.READ - {"step"}
    assert [entry for entry in numbers.found if not re.fullmatch(r"\d+|any", entry[2])] == []
    assert re.search(r"<span data-wanvideo-length>0</span> \w+ 1500", page)


def test_every_number_in_an_attribute_is_written_as_a_number():
    loose = [
        f"{template.name}: {found}"
        for template in TEMPLATES.rglob("*.html")
        for found in re.findall(r'(?:min|max|data-limit|data-m\w+-\w+)="\{\{[^}]*\}\}"', template.read_text())
        if "unlocalize" not in found
    ]
    assert loose == []
