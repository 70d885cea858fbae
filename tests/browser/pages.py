"""Every page that staff can come to, each by a name, opened as a person would."""

from __future__ import annotations

import uuid
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.test import override_settings
from django.urls import reverse

from django_wanvideo import takes
from django_wanvideo.exceptions import ApprovalRequired
from django_wanvideo.models import CreditEntry, Film, Preset, VideoTask
from example_project.shop.models import Product
from tests.browser import factories
from tests.browser.pictures import picture
from tests.factories import MODEL
from tests.spending.entries import entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.person import Person

Tasks = dict[str, "VideoTask"]


def _select_all(maria: Person, action: str) -> None:
    page = maria.open("changelist")
    # A phone shows no head of the table, and so no box for all.
    page.locator("input.action-select").evaluate_all("boxes => boxes.forEach((box) => box.click())")
    page.locator("select[name=action]").select_option(action)
    page.locator("button[name=index]").click()


def _refused(maria: Person, tasks: Tasks) -> None:
    page = maria.open("add")
    maria.fill_in("x" * 1501, scene="portrait")
    page.locator("#id_duration").fill("99")
    page.locator("form#videotask_form").evaluate("form => form.noValidate = true")
    page.locator("[name=_save]").click()
    page.locator(".errornote").wait_for()


def _preset(maria: Person) -> Preset:
    values = {"model": MODEL, "prompt": "Push in on {name}", "parameters": {"duration": 8}}
    return Preset.objects.get_or_create(slug="slow-push-in", owner=maria.user, defaults=values | {"name": "Push in"})[0]


def _with_preset(maria: Person) -> None:
    maria.open("add", query=f"?preset={_preset(maria).slug}")
    maria.page.locator("details.wv-save summary").click()


def _ask_for_approval(tasks: Tasks) -> None:
    task = tasks["draft"]
    with override_settings(WANVIDEO={**settings.WANVIDEO, "APPROVAL_ABOVE": 5}), suppress(ApprovalRequired):
        task.submit(by=factories.make_owner("aiko"))


def _approvals(maria: Person, tasks: Tasks) -> None:
    _ask_for_approval(tasks)
    page = maria.open("approvals")
    page.locator("[name=t]").first.check()
    page.get_by_role("button", name="Send 1 back").click()
    page.locator(".errornote").wait_for()


def _other(maria: Person, name: str, *args: Any) -> None:
    maria.page.goto(reverse(f"admin:wanvideo_{name}", args=args))


def _spending(maria: Person) -> None:
    if not CreditEntry.objects.exists():
        name = "Spring catalogue: a hundred and twenty garden chairs, three takes of each"
        entry(owner=maria.user, owner_label=maria.name, batch_id=uuid.uuid4(), batch_label=name)
        entry(owner_label="former.colleague", result="failed", used=3, model="a-model-that-is-gone")
    maria.open("spending")


def _product(maria: Person, tasks: Tasks) -> None:
    product = Product.objects.get_or_create(name="Canoe", defaults={"video": tasks["processing"]})[0]
    maria.page.goto(f"/admin/shop/product/{product.pk}/change/")
    maria.page.locator("[data-wanvideo-chooser].is-live").first.wait_for()
    # Django's own control of a picture has no label in 6.1, which is not looked for here.
    maria.page.locator(".field-photo").evaluate("row => row.remove()")


def _takes(maria: Person, tasks: Tasks) -> None:
    """Beside what is ready stands what is being made, and what differs."""
    others = [tasks[status] for status in ("processing", "failed", "draft")]
    takes.group(tasks["completed"], others)
    tasks["completed"].pick()
    maria.open("takes", tasks["completed"].pk)


def _references(maria: Person) -> None:
    """A list of a file, a link and a link that is refused, and a voice for one of them."""
    page = maria.open("add", query="?model=wan2.7-reference-video")
    page.locator(".field-reference_images_url summary").click()
    page.locator("#id_reference_images_url_files").set_input_files(
        {"name": "portrait.jpg", "mimeType": "image/jpeg", "buffer": picture("portrait").getvalue()}
    )
    group = page.get_by_role("group", name="Reference pictures")
    for number, link in ((2, f"ftp://files.example/{'a-long-name-' * 12}.jpg"), (3, "https://files.example/b.jpg")):
        group.get_by_role("button", name="Add another link").click()
        group.get_by_label(f"Image {number}: address", exact=False).fill(link)
    page.locator(".field-voices_url summary").click()
    voices = page.get_by_role("group", name="Voices")
    for number, action in ((1, "Add a link"), (2, "Add another link")):
        voices.get_by_role("button", name=action).click()
        voices.get_by_label(f"Audio {number}: address", exact=False).fill("https://files.example/voice.mp3")
    voices.get_by_label("Who speaks with Audio 2").select_option("Image 3")
    page.get_by_label("Prompt", exact=False).first.fill("Image 1 meets Image 3")
    page.locator("form#videotask_form").evaluate("form => form.noValidate = true")
    page.locator("[name=_save]").click()
    page.locator(".errornote").wait_for()


def _film(maria: Person, tasks: Tasks) -> None:
    """A film of three parts, one of them of another take and one that failed, joined once when it was shorter."""
    first, count = tasks["completed"], VideoTask.objects.count()
    prompts = ("A fox comes from the left", "The fox looks up: " + factories.LONG_PROMPT[:300], "Snow begins to fall")
    with first.video.open() as stored:
        video = stored.read()
    other, second, third = (
        factories.make(factories.Wish("fox", prompt, status, 20), number=500 + count + number, video=video)
        for number, (prompt, status) in enumerate(zip(prompts, ("completed", "completed", "failed"), strict=True))
    )
    VideoTask.objects.filter(pk=first.pk).update(take_group=first.pk, picked=True)
    VideoTask.objects.filter(pk=other.pk).update(take_group=first.pk, take_number=count)
    VideoTask.objects.filter(pk=second.pk).update(continues=other)
    VideoTask.objects.filter(pk=third.pk).update(continues=second)
    Film.objects.create(task=second, parts=[str(second.pk)], digest="-", video=first.video.name, size=1_234_567)
    maria.open("change", second.pk)


def _with_inputs(maria: Person, tasks: Tasks) -> None:
    """A sound that nobody has looked behind, and a clip that was measured."""
    inputs = tasks["queued"].inputs
    inputs.get_or_create(role="audio", url="https://sounds.example.com/2026/spring/" + "a-long-name-" * 8 + "voice.mp3")
    clip = {"size": 12_345_678, "width": 1920, "height": 1080, "seconds": Decimal("4.5"), "content_type": "video/mp4"}
    inputs.get_or_create(role="reference_videos", file="wanvideo/inputs/walk.mp4", defaults=clip)
    maria.open("change", tasks["queued"].pk)


def _change(status: str) -> Callable[[Person, Tasks], object]:
    return lambda maria, tasks: maria.open("change", tasks[status].pk)


PAGES: dict[str, Callable[[Person, Tasks], object]] = {
    "list": lambda maria, tasks: maria.open("changelist"),
    "list without matches": lambda maria, tasks: maria.open("changelist", query="?q=zeppelin"),
    "list of failed": lambda maria, tasks: maria.open("changelist", query="?status=failed"),
    "spending of nothing": lambda maria, tasks: maria.open("spending", query="?period=last-month"),
    "spending": lambda maria, tasks: _spending(maria),
    "popup": lambda maria, tasks: maria.open("changelist", query="?_popup=1&_to_field=id"),
    "add": lambda maria, tasks: maria.open("add"),
    "add another model": lambda maria, tasks: maria.open("add", query="?model=wan2.5-text-to-video-preview"),
    "add with references": lambda maria, tasks: _references(maria),
    "models": lambda maria, tasks: maria.open("models"),
    "models for characters": lambda maria, tasks: maria.open("models", query="?want=character"),
    "add refused": _refused,
    "add with preset": lambda maria, tasks: _with_preset(maria),
    "presets": lambda maria, tasks: _other(maria, "preset_changelist"),
    "preset": lambda maria, tasks: _other(maria, "preset_change", _preset(maria).pk),
    "my e-mails": lambda maria, tasks: _other(maria, "notificationchoice_changelist"),
    "e-mails": lambda maria, tasks: _other(maria, "notification_changelist"),
    **{
        status: _change(status)
        for status in (
            "draft", "queued", "submitting", "unconfirmed", "pending", "processing", "storing", "completed", "failed",
            "cancelled",
        )
    },
    "queued with inputs": _with_inputs,
    # Before the page of the task that it shows, which then says so.
    "product": _product,
    "used": _change("processing"),
    "resolve": lambda maria, tasks: maria.open("resolve", tasks["unconfirmed"].pk),
    "make takes": lambda maria, tasks: maria.open("make_takes", tasks["completed"].pk),
    "takes": _takes,
    "film": _film,
    "confirm": lambda maria, tasks: _select_all(maria, "submit_selected"),
    "confirm retry": lambda maria, tasks: _select_all(maria, "retry_selected"),
    "delete": lambda maria, tasks: maria.open("delete", tasks["draft"].pk),
    "delete selected": lambda maria, tasks: _select_all(maria, "delete_selected"),
    "history": lambda maria, tasks: maria.open("history", tasks["draft"].pk),
    # A draft waits from here on.
    "approvals": _approvals,
    "draft that waits": _change("draft"),
    # The last one, since the choice of the grid is kept.
    "grid": lambda maria, tasks: maria.open("changelist", query="?view=grid&created=7"),
}  # fmt: skip


def open_page(maria: Person, name: str, tasks: Tasks) -> None:
    """Open a page of ``PAGES`` and wait until its modules have run."""
    PAGES[name](maria, tasks)
    maria.page.wait_for_load_state("load")
