"""Every page that staff can come to, each by a name, opened as a person would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser import rows
from tests.browser.person import address

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_wanvideo.models import VideoTask
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


def _change(status: str) -> Callable[[Person, Tasks], object]:
    return lambda maria, tasks: maria.open("change", tasks[status].pk)


PAGES: dict[str, Callable[[Person, Tasks], object]] = {
    "list": lambda maria, tasks: maria.open("changelist"),
    "list without matches": lambda maria, tasks: maria.open("changelist", query="?q=zeppelin"),
    "list of failed": lambda maria, tasks: maria.open("changelist", query="?status=failed"),
    "popup": lambda maria, tasks: maria.open("changelist", query="?_popup=1&_to_field=id"),
    "add": lambda maria, tasks: maria.open("add"),
    "add another model": lambda maria, tasks: maria.open("add", query="?model=wan2.5-text-to-video-preview"),
    "add refused": _refused,
    **{
        status: _change(status)
        for status in (
            "draft", "queued", "submitting", "unconfirmed", "pending", "processing", "storing", "completed", "failed",
            "cancelled",
        )
    },
    "resolve": lambda maria, tasks: maria.open("resolve", tasks["unconfirmed"].pk),
    "variations": lambda maria, tasks: maria.open("variations", tasks["completed"].pk),
    "confirm": lambda maria, tasks: _select_all(maria, "submit_selected"),
    "confirm retry": lambda maria, tasks: _select_all(maria, "retry_selected"),
    "delete": lambda maria, tasks: maria.open("delete", tasks["draft"].pk),
    "delete selected": lambda maria, tasks: _select_all(maria, "delete_selected"),
    "history": lambda maria, tasks: maria.open("history", tasks["draft"].pk),
}  # fmt: skip


def open_page(maria: Person, name: str, tasks: Tasks) -> None:
    """Open a page of ``PAGES`` and wait until its modules have run."""
    PAGES[name](maria, tasks)
    maria.page.wait_for_load_state("load")


__all__ = ["PAGES", "address", "open_page", "rows"]
