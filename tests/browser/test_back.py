"""Back fetches a page anew and fills in what was typed: what was made from it is not made a second time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from django_wanvideo.models import VideoTask
from tests.browser import factories
from tests.browser.pictures import picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.person import Person

pytestmark = [pytest.mark.usefixtures("site"), pytest.mark.fault("K1.back-makes-second-charge")]

#: The page is the browser's, so no worker is needed: what was sent waits in the queue.
COMPLETED = next(wish for wish in factories.WISHES if wish.status == "completed")


@pytest.fixture(autouse=True)
def no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wake nobody: what is sent stays where it is."""
    from django_wanvideo import queue

    monkeypatch.setattr(queue.jobs, "enqueue", lambda job, *ids: True)


def generate(page: Page) -> None:
    page.locator(".wv-submit [name=_generate]").click()


@pytest.fixture
def fox(tmp_path: Path) -> Path:
    """A picture that a browser finds again after Back."""
    path = tmp_path / "fox.jpg"
    path.write_bytes(picture("fox").getvalue())
    return path


def sent_and_back(person: Person, fox: Path | None, prompt: str = "A fox trots on", **choices: str) -> Page:
    """Fill in the add page, generate, and go back."""
    page = person.open("add")
    person.fill_in(prompt, **choices)
    if fox is not None:
        page.locator("#id_first_frame_file").set_input_files(fox)
    if choices:
        # What is pressed is what the button says.
        expect(page.locator("[name=_generate]").first).not_to_contain_text("11.9")
    generate(page)
    expect(page.locator(".messagelist")).to_contain_text("On its way")
    page.go_back()
    expect(page.locator("#id_prompt")).to_have_value(prompt)
    return page


def test_generate_after_back_leads_to_the_task_that_is_there(maria: Person, fox: Path) -> None:
    page = sent_and_back(maria, fox)
    generate(page)
    expect(page.locator(".messagelist")).to_contain_text("This form was sent already")
    assert str(VideoTask.objects.get().pk) in page.url


def test_picture_that_browser_does_not_choose_again(maria: Person) -> None:
    """A picture that the browser does not choose again after back makes no difference."""
    page = sent_and_back(maria, None)
    assert page.locator("#id_first_frame_file").evaluate("input => input.files.length") == 0
    generate(page)
    expect(page.locator(".messagelist")).to_contain_text("This form was sent already")
    page.go_back()
    page.locator("#id_prompt").fill("A fox sleeps")
    generate(page)
    expect(page.locator(".wv-notice")).to_contain_text("Different now: Prompt.")
    expect(page.locator(".wv-drop-picture img")).to_be_visible()
    page.locator(".wv-notice").get_by_role("button", name="Make another one").click()
    expect(page.locator(".messagelist")).to_contain_text("On its way")
    assert [task.first_frame.width > 0 for task in VideoTask.objects.all() if task.first_frame] == [True, True]


def test_back_several_times_and_a_reload_make_nothing_more(maria: Person, fox: Path) -> None:
    page = sent_and_back(maria, fox)
    for _time in range(2):
        generate(page)
        expect(page.locator(".messagelist")).to_contain_text("This form was sent already")
        page.go_back()
        expect(page.locator("#id_prompt")).to_have_value("A fox trots on")
    assert VideoTask.objects.count() == 1


def test_the_page_that_came_back_shows_what_is_in_it(maria: Person, fox: Path) -> None:
    page = sent_and_back(maria, fox, duration="9")
    expect(page.locator("#id_prompt_count")).to_contain_text("14 of 1")
    expect(page.locator("[data-wanvideo-drop]").first).to_have_class(re.compile("is-filled"))
    expect(page.locator(".wv-drop-name").first).to_contain_text(".jpg")
    expect(page.locator("#id_duration_slider")).to_have_value("9")
    expect(page.locator(".wv-price strong")).to_contain_text("9")
    expect(page.locator("[name=_generate]").first).to_contain_text("21.4")


@pytest.mark.fault("K1.same-key-other-content")
def test_other_words_after_back_are_asked_about_kept(maria: Person, fox: Path) -> None:
    """Other words after back are asked about kept and sent as another one."""
    page = sent_and_back(maria, fox)
    page.locator("#id_prompt").fill("A fox sleeps")
    generate(page)
    notice = page.locator(".wv-notice")
    expect(notice).to_contain_text("You sent this page")
    expect(notice).to_contain_text("Different now: Prompt")
    expect(notice).to_be_focused()
    expect(page.locator("#id_prompt")).to_have_value("A fox sleeps")
    expect(page.locator(".wv-drop-picture img")).to_be_visible()
    assert VideoTask.objects.count() == 1
    page.reload()
    expect(notice).to_contain_text("You sent this page")
    assert VideoTask.objects.count() == 1
    # The price beside the button follows what is chosen.
    page.locator("#id_duration").fill("10")
    button = notice.get_by_role("button", name="Make another one (23.80)").or_(
        notice.get_by_role("button", name="Make another one (23.79)")
    )
    button.dblclick()
    expect(page.locator(".messagelist")).to_contain_text("On its way")
    assert sorted(VideoTask.objects.values_list("prompt", flat=True)) == ["A fox sleeps", "A fox trots on"]


@pytest.mark.fault("K1.enter-presses-nothing-twice")
def test_the_enter_key_on_the_page_that_asks_makes_nothing(maria: Person, fox: Path) -> None:
    page = sent_and_back(maria, fox)
    page.locator("#id_duration").fill("10")
    generate(page)
    expect(page.locator(".wv-notice")).to_contain_text("Different now: Length")
    page.locator("#id_duration").press("Enter")
    expect(page.locator("#id_prompt")).to_have_value("A fox trots on")
    assert VideoTask.objects.count() == 1


@pytest.mark.fault("K1.same-wish-from-another-page")
def test_a_second_tab_with_the_same_wish_is_asked_about(maria: Person) -> None:
    first, second = maria.open("add"), maria.context.new_page()
    maria.open("add", page=second)
    for page in (first, second):
        maria.fill_in("A fox trots on", page=page)
    generate(first)
    expect(first.locator(".messagelist")).to_contain_text("On its way")
    generate(second)
    expect(second.locator(".wv-notice")).to_contain_text("You sent this")
    second.locator(".wv-notice").get_by_role("link", name="Open it").click()
    expect(second.locator(".wv-head")).to_be_visible()
    assert VideoTask.objects.count() == 1


@pytest.mark.fault("K1.same-wish-from-another-page")
def test_without_scripts_the_server_notices(new_person: Callable[..., Person], fox: Path) -> None:
    maria = new_person(java_script_enabled=False)
    page = sent_and_back(maria, fox)
    generate(page)
    notice = page.locator(".wv-notice")
    expect(notice).to_contain_text("You sent this")
    expect(page.locator("#id_prompt")).to_have_value("A fox trots on")
    page.reload()
    expect(notice).to_contain_text("You sent this")
    expect(page.locator("#id_prompt")).to_have_value("A fox trots on")
    assert VideoTask.objects.count() == 1
    notice.get_by_role("button", name="Make another one (11.90)").click()
    expect(page.locator(".messagelist")).to_contain_text("On its way")
    assert VideoTask.objects.count() == 2


@pytest.mark.fault("K1.variations-twice")
@pytest.mark.parametrize("scripts", [True, False])
def test_takes_after_back_are_not_made_again(new_person: Callable[..., Person], scripts: bool) -> None:
    maria = new_person(java_script_enabled=scripts)
    task = factories.make(COMPLETED, video=b"x")
    page = maria.open("make_takes", task.pk)
    page.locator("#id_repeats").fill("0")
    page.locator("#id_prompts").fill("in snow\nat night")
    page.get_by_role("button", name="Save as drafts").click()
    expect(page.locator(".messagelist")).to_contain_text("2 drafts were made.")
    page.go_back()
    expect(page.locator("#id_prompts")).to_have_value("in snow\nat night")
    page.get_by_role("button", name="Save as drafts").click()
    where, words = (".messagelist", "sent already") if scripts else (".wv-notice", "Nothing was made")
    expect(page.locator(where)).to_contain_text(words)
    assert task.children.count() == 2


@pytest.mark.fault("K1.duplicate-twice")
@pytest.mark.parametrize("scripts", [True, False])
def test_a_copy_after_back_is_not_made_again(new_person: Callable[..., Person], scripts: bool) -> None:
    maria = new_person(java_script_enabled=scripts)
    task = factories.make(COMPLETED)
    page = maria.open("change", task.pk)
    duplicate = page.get_by_role("button", name="Duplicate")
    duplicate.click()
    expect(page.locator(".messagelist")).to_contain_text("A draft like the other one.")
    page.go_back()
    duplicate.click()
    where, words = (".messagelist", "sent already") if scripts else (".wv-notice", "Nothing was made")
    expect(page.locator(where)).to_contain_text(words)
    assert task.children.count() == 1


@pytest.mark.fault("K1.two-tabs-on-a-draft")
def test_what_another_tab_changed_is_shown_after_back_too(maria: Person) -> None:
    task = factories.make(next(wish for wish in factories.WISHES if wish.status == "draft"))
    page = maria.open("change", task.pk)
    page.locator("#id_prompt").fill("My words")
    page.locator("[name=_save]").click()
    expect(page.locator(".messagelist")).to_be_visible()
    VideoTask.objects.filter(pk=task.pk).update(prompt="Somebody else’s words")
    page.go_back()
    expect(page.locator("#id_prompt")).to_have_value("My words")
    page.locator(".wv-submit [name=_generate]").click()
    notice = page.locator(".wv-notice")
    expect(notice).to_contain_text("was changed while you had it open")
    expect(notice).to_contain_text("Somebody else’s words")
    task.refresh_from_db()
    assert (task.prompt, task.status) == ("Somebody else’s words", "draft")


@pytest.mark.fault("K1.draft-sent-meanwhile")
def test_what_was_typed_while_another_tab_sent_the_draft_becomes_a_copy(maria: Person) -> None:
    task = factories.make(next(wish for wish in factories.WISHES if wish.status == "draft"))
    first, second = maria.open("change", task.pk), maria.context.new_page()
    maria.open("change", task.pk, page=second)
    generate(first)
    expect(first.locator(".messagelist")).to_contain_text("On its way")
    second.locator("#id_prompt").fill("My new words")
    second.locator("[name=_save]").click()
    expect(second.get_by_role("heading", name="This draft was sent meanwhile")).to_be_visible()
    expect(second.locator(".wv-differences")).to_contain_text("My new words")
    second.get_by_role("button", name="Edit a copy with this text").dblclick()
    expect(second.locator("#id_prompt")).to_have_value("My new words")
    assert task.children.get().prompt == "My new words"
