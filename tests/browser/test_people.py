"""Different ways to sit in front of it: a phone, no mouse, a dark room, no JavaScript, few permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission
from playwright.sync_api import expect

from django_wanvideo.models import VideoTask
from tests.browser import factories

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.person import Person

LONG = 40_000


@pytest.mark.usefixtures("workers")
def test_a_whole_session_on_a_phone(new_person: Callable[..., Person]) -> None:
    maria = new_person(phone=True)
    page = maria.open("changelist")
    page.locator(".wv-empty").get_by_role("link", name="Animate a picture").tap()
    maria.fill_in("A fox trots on [seconds:2]")
    button = page.get_by_role("button", name="Generate for about 11.9 credits")
    assert button.bounding_box()["height"] >= 44
    assert maria.is_wider_than_screen() == 0
    button.tap()
    expect(page.locator("video")).to_be_visible(timeout=LONG)
    assert maria.is_wider_than_screen() == 0
    maria.open("changelist")
    row = page.locator("#result_list tbody tr")
    expect(row.locator(".wv-chip")).to_have_text("Completed")
    box = row.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert maria.is_wider_than_screen() == 0


def _tab_to(maria: Person, selector: str, most: int = 60) -> None:
    """Press Tab until the focus is where it is wanted; what has the focus must be seen."""
    page = maria.page
    for _ in range(most):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            """selector => {
                const here = document.activeElement;
                const style = getComputedStyle(here);
                const around = here.closest(".wv-drop, label") || here;
                const ring = [style, getComputedStyle(around)].some((s) => s.outlineStyle !== "none" || s.boxShadow !== "none");
                return [here.matches(selector), ring || style.borderColor !== "", here.outerHTML.slice(0, 80)];
            }""",
            selector,
        )
        assert focus[1], f"The focus cannot be seen on {focus[2]}"
        if focus[0]:
            return
    raise AssertionError(f"{selector} cannot be reached with Tab.")


@pytest.mark.usefixtures("workers")
def test_a_video_is_made_and_played_with_the_keyboard_alone(new_person: Callable[..., Person]) -> None:
    maria = new_person(signed_in=False)
    page = maria.page
    maria.open("add")
    page.keyboard.type(maria.name)
    page.keyboard.press("Tab")
    page.keyboard.type("seven-herons-9")
    page.keyboard.press("Enter")
    expect(page.locator("#id_prompt")).to_be_visible()
    _tab_to(maria, "#id_first_frame_file")
    # The file dialogue is the system's; what it gives comes in here.
    maria.fill_in("")
    page.locator("#id_first_frame_file").focus()
    _tab_to(maria, "[data-wanvideo-remove]", 3)
    _tab_to(maria, "#id_prompt")
    page.keyboard.type("A fox trots on")
    _tab_to(maria, "#id_duration_slider")
    page.keyboard.press("ArrowRight")
    _tab_to(maria, "#id_duration", 1)
    expect(page.locator("#id_duration")).to_have_value("6")
    _tab_to(maria, "[name=quality]")
    page.keyboard.press("ArrowRight")
    _tab_to(maria, "[name=_generate]")
    # What is pressed is what the button says.
    expect(page.locator("[name=_generate]")).to_contain_text("23.85")
    page.keyboard.press("Enter")
    video = page.locator("video")
    expect(video).to_be_visible(timeout=LONG)
    task = VideoTask.objects.get()
    assert task.parameters["duration"] == 6
    assert task.parameters["quality"] == "1080p"
    _tab_to(maria, "video")
    page.keyboard.press("Space")
    assert video.evaluate(
        """video => new Promise((done) => {
            const look = () => video.currentTime > 0.1 && done(true);
            video.addEventListener("timeupdate", look);
            setTimeout(() => done(false), 15000);
            look();
        })"""
    )


def test_the_list_is_worked_with_the_keyboard_alone(maria: Person) -> None:
    factories.make(factories.WISHES[0])
    page = maria.open("changelist")
    # Since Django 6.1 the filters come before the search.
    _tab_to(maria, "#searchbar", 90)
    _tab_to(maria, "select[name=action]", 4)
    page.keyboard.type("Generate")
    _tab_to(maria, "input.action-select", 8)
    page.keyboard.press("Space")
    _tab_to(maria, ".field-task a", 2)
    page.locator("button[name=index]").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Generate 1 video?")).to_be_visible()
    _tab_to(maria, ".wv-confirm .is-primary")
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("1 video will be generated.")


def test_in_a_dark_room_the_pages_are_dark_and_the_words_bright(new_person: Callable[..., Person]) -> None:
    maria = new_person(dark=True)
    tasks = factories.make_all()
    brightness = """element => {
        const shade = (text) => text.match(/\\d+(\\.\\d+)?/g).slice(0, 3).reduce((sum, n) => sum + Number(n), 0) / 3;
        const style = getComputedStyle(element);
        return [shade(style.color), shade(style.backgroundColor)];
    }"""
    page = maria.open("changelist")
    assert page.locator("body").evaluate(brightness)[1] < 60
    for chip in page.locator(".wv-chip:not(.is-draft)").all():
        word, ground = chip.evaluate(brightness)
        assert word - ground > 90, chip.text_content()
    maria.open("change", tasks["failed"].pk)
    assert page.locator("body").evaluate(brightness)[1] < 60


def test_without_javascript_a_task_is_made_and_sent(new_person: Callable[..., Person]) -> None:
    maria = new_person(java_script_enabled=False)
    page = maria.open("add")
    drawn = factories.picture("fox")
    page.locator("#id_first_frame_file").set_input_files(
        {"name": drawn.name, "mimeType": "image/jpeg", "buffer": drawn.getvalue()}
    )
    page.locator("#id_prompt").fill("A fox trots on")
    page.locator("#id_duration").fill("4")
    page.locator("[name=_generate]").click()
    expect(page.locator(".messagelist")).to_contain_text("On its way")
    task = VideoTask.objects.get()
    assert task.queued_at is not None
    assert task.parameters["duration"] == 4


def test_who_may_only_look_is_offered_nothing_else(new_person: Callable[..., Person]) -> None:
    maria = new_person()
    tasks = factories.make_all()
    maria.user.is_superuser = False
    maria.user.is_staff = True
    maria.user.save()
    maria.user.user_permissions.set(Permission.objects.filter(codename="view_videotask"))
    page = maria.open("changelist")
    expect(page.locator("#result_list tbody tr").first).to_be_visible()
    expect(page.get_by_role("link", name="Animate a picture")).to_have_count(0)
    assert "Generate" not in " ".join(page.locator("select[name=action] option").all_text_contents())
    maria.open("change", tasks["failed"].pk)
    expect(page.get_by_role("heading", name="Content refused")).to_be_visible()
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)
    expect(page.get_by_role("button", name="Edit a copy")).to_have_count(0)
