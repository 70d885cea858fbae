"""What differs between takes is marked, with a few words around it; what is the same stands once."""

from __future__ import annotations

import pytest

from django_wanvideo.admin.takes import differences
from django_wanvideo.admin.takes.differences import changed_words
from django_wanvideo.models import VideoTask

FOX = "A fox steps out between the firs, looks into the camera and trots on; pale light, quiet forest sound."


@pytest.mark.parametrize(
    ("after", "shown"),
    [
        (FOX.replace("on;", "on; the camera follows;"), "… and trots on; [the camera follows;] pale light, quiet …"),
        (FOX.replace("sound.", "sound; snow falls."), "… quiet forest sound[; snow falls]."),
        (FOX.replace("A fox", "A wolf").replace("quiet", "loud"), "A [wolf] steps out between the … pale light, [loud] forest sound."),
        (FOX.replace(", looks into the camera", ""), "… out between the firs [-, looks into the camera-] and trots on; …"),
        (FOX.replace("A fox steps", "Fox steps"), "[Fox] steps out between the …"),
        (FOX.removeprefix("A fox "), "[-A fox-] steps out between the …"),
        ("A dog", "A [dog]"),
        (FOX + "  ", f"[{FOX}  ]"),
        (FOX.replace("fox", "<b>fox</b>"), "A [&lt;b&gt;]fox[&lt;/b&gt;] steps out between the …"),
    ],
)  # fmt: skip
def test_changed_words_stand_marked_among_their_neighbours(after: str, shown: str) -> None:
    html = str(changed_words(FOX, after)).strip()
    html = html.replace('<mark class="wv-differs"><del>', "[-").replace("</del></mark>", "-]")
    html = html.replace('<mark class="wv-differs">', "[").replace("</mark>", "]")
    assert html in {shown, shown.replace("]fox[", "fox")}


def test_letters_without_spaces_are_compared_one_by_one() -> None:
    assert changed_words("狐狸跑过雪地", "狐狸走过雪地") == '狐狸<mark class="wv-differs">走</mark>过雪地'


def test_a_prompt_that_has_become_another_is_cut() -> None:
    assert len(changed_words(FOX, "whale " * 250)) < 300


@pytest.mark.parametrize("after", ["!", "(fox)", "; fox", "fox;;;; ; ;;", "…", "a\nb", "A fox ,,,, steps", ",,,,,,"])
def test_signs_alone_are_no_trouble(after: str) -> None:
    assert changed_words(FOX, after)
    assert changed_words(after, FOX)


def test_settings_that_differ_stand_at_each_take_and_the_others_once(db: None) -> None:
    takes = [
        VideoTask(prompt=FOX, model="wan2.6-image-to-video-flash", parameters={"duration": seconds}, take_number=number)
        for number, seconds in enumerate((5, 5, 8), start=1)
    ]
    takes[1].prompt = "A dog sleeps"
    found = differences.compare(takes, takes[0])
    at_each = [[(line.name, str(line.value)) for line in found.differing[take.pk]] for take in takes]
    assert at_each == [
        [("Length", "5\N{NO-BREAK SPACE}s"), ("Prompt", "As below")],
        [("Length", "5\N{NO-BREAK SPACE}s"), ("Prompt", str(changed_words(FOX, "A dog sleeps")))],
        [("Length", '<mark class="wv-differs">8\N{NO-BREAK SPACE}s</mark>'), ("Prompt", "As take 1")],
    ]
    same = {line.name: line.value for line in found.same}
    assert (same["Quality"], same["Prompt of take 1"]) == ("720p", FOX)
    assert "Length" not in same
