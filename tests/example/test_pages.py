"""The screenless browser of the demo fills in what a page offers, and nothing else."""

from __future__ import annotations

import pytest
import requests

from example_project.demo.pages import Page, PageError, send

PAGE = """
<p class="errornote">Please correct the error below.</p>
<form id="add" action="save/?x=1" enctype="multipart/form-data">
  <input type="hidden" name="token" value="t&amp;1"><input name="title" value="old">
  <ul class="errorlist"><li>Too short.</li></ul>
  <textarea name="prompt">
A cat</textarea>
  <select name="quality"><option value="720p">a</option><option value="1080p" selected>b</option></select>
  <input type="checkbox" name="extend" checked><input type="checkbox" name="sound" value="yes">
  <input type="radio" name="shot" value="single"><input type="radio" name="shot" value="multi" checked>
  <input type="file" name="image"><input type="submit" name="_save" value="Save"><button name="_go">Go</button>
</form>
<input name="outside">
"""


class Sent(Exception):  # noqa: N818
    pass


class FakeSession:
    def post(self, url, **details):
        raise Sent(url, details)


def page(text=PAGE, status=200):
    response = requests.Response()
    response.status_code, response.url, response._content = status, "http://site.example/admin/add/", text.encode()
    return Page.of(response)


def test_a_form_is_read_as_the_page_fills_it_in():
    form = page().form("add")
    assert form.values == {
        "token": ["t&1"],
        "title": ["old"],
        "prompt": ["A cat"],
        "quality": ["1080p"],
        "extend": ["on"],
        "shot": ["multi"],
    }
    assert form.choices == {
        "quality": ["720p", "1080p"],
        "extend": ["on"],
        "sound": ["yes"],
        "shot": ["single", "multi"],
    }
    assert (form.files, form.buttons) == (["image"], ["_save", "_go"])


def test_errors_of_the_page_are_read():
    assert page().errors == ["Please correct the error below.", "Too short."]


def test_sending_keeps_what_the_page_filled_in_and_puts_changes_on_top():
    with pytest.raises(Sent) as sent:
        send(FakeSession(), page(), page().form("add"), {"title": "new"}, {"image": ("a.png", b"x", "image/png")})
    url, details = sent.value.args
    assert url == "http://site.example/admin/add/save/?x=1"
    assert details["data"]["title"] == "new"
    assert details["data"]["token"] == ["t&1"]
    assert details["files"] == {"image": ("a.png", b"x", "image/png")}
    assert details["headers"] == {"Referer": "http://site.example/admin/add/"}


def test_a_field_that_the_page_does_not_offer_cannot_be_filled_in():
    with pytest.raises(PageError, match="no field outside"):
        send(FakeSession(), page(), page().form("add"), {"outside": "x"})


def test_a_missing_form_is_told_with_those_that_are_there():
    with pytest.raises(PageError, match="no form 'edit'; its forms: add"):
        page().form("edit")


def test_an_error_answer_is_no_page():
    with pytest.raises(PageError, match="answered 503"):
        page(status=503)


def test_a_form_is_found_by_one_of_its_fields():
    assert page().form_with("token").id == "add"
    with pytest.raises(PageError, match=r"no form with a field 'plan'\. Please correct"):
        page().form_with("plan")
