"""A browser without a screen: reads the forms of HTML pages and sends them filled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urljoin

if TYPE_CHECKING:
    from requests import Response, Session


class PageError(Exception):
    """A page is not what a person would have to see here."""


@dataclass
class Form:
    """One form as the page gives it: fields with their present values, choices of its selects, names of its files."""

    id: str
    action: str
    values: dict[str, list[str]] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    buttons: list[str] = field(default_factory=list)

    def names(self) -> list[str]:
        """All names that can be filled in."""
        return sorted({*self.values, *self.choices, *self.files})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.errors: list[str] = []
        self._open: Form | None = None
        self._select: str | None = None
        self._textarea: str | None = None
        self._error_depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value if value is not None else "" for key, value in attrs}
        if tag in {"ul", "p"} and {"errorlist", "errornote"} & set(given.get("class", "").split()):
            self._error_depth += 1
        if tag == "form":
            self._open = Form(id=given.get("id", ""), action=given.get("action", ""))
            self.forms.append(self._open)
        if self._open is None or (not given.get("name") and tag != "option"):
            return
        name = given.get("name", "")
        if tag == "input":
            self._input(self._open, name, given)
        elif tag == "button":
            self._open.buttons.append(name)
        elif tag == "select":
            self._select = name
            self._open.choices[name] = []
        elif tag == "textarea":
            self._textarea = name
            self._open.values[name] = [""]
        elif tag == "option" and self._select:
            self._open.choices[self._select].append(given.get("value", ""))
            if "selected" in given:
                self._open.values.setdefault(self._select, []).append(given.get("value", ""))

    def _input(self, form: Form, name: str, given: dict[str, str]) -> None:
        kind = given.get("type", "text")
        if kind == "file":
            form.files.append(name)
        elif kind in {"submit", "image", "button"}:
            form.buttons.append(name)
        elif kind in {"checkbox", "radio"}:
            form.choices.setdefault(name, []).append(given.get("value", "on"))
            if "checked" in given:
                form.values.setdefault(name, []).append(given.get("value", "on"))
        else:
            form.values.setdefault(name, []).append(given.get("value", ""))

    def handle_data(self, data: str) -> None:
        if self._open and self._textarea:
            # The newline right after the start tag is not part of the value.
            known = self._open.values[self._textarea]
            known[0] = (known[0] + data).removeprefix("\n")
        if self._error_depth and data.strip():
            self.errors.append(data.strip())

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._textarea = None
        elif tag in {"ul", "p"} and self._error_depth:
            self._error_depth -= 1


@dataclass
class Page:
    """What a response shows."""

    url: str
    forms: list[Form]
    errors: list[str]

    @classmethod
    def of(cls, response: Response) -> Page:
        """Read a response; PageError when the server answered with an error."""
        if response.status_code >= 400:
            raise PageError(f"{response.url} answered {response.status_code} {response.reason}.")
        reader = _Reader()
        reader.feed(response.text)
        return cls(response.url, reader.forms, reader.errors)

    def form(self, form_id: str) -> Form:
        """Find a form by its id; PageError when the page has none."""
        for form in self.forms:
            if form.id == form_id:
                return form
        found = ", ".join(form.id or "(no id)" for form in self.forms) or "none"
        raise PageError(f"{self.url} has no form {form_id!r}; its forms: {found}.")

    def form_with(self, name: str) -> Form:
        """Find a form by one of its fields; PageError with the page's own complaints when there is none."""
        for form in self.forms:
            if name in form.values:
                return form
        raise PageError(f"{self.url} has no form with a field {name!r}. {' '.join(self.errors)}".rstrip())


def send(
    session: Session,
    page: Page,
    form: Form,
    changes: dict[str, str | list[str]],
    files: dict[str, tuple[str, bytes, str]] | None = None,
    *,
    timeout: float = 30,
) -> Response:
    """Send a form as a browser would: what the page filled in, with changes and files on top.

    Raises PageError when a changed name is not in the form, as a person could not fill it in either.
    """
    known = {*form.values, *form.choices, *form.files, *form.buttons}
    strange = sorted({*changes, *(files or {})} - known)
    if strange:
        raise PageError(f"{page.url} has no field {', '.join(strange)}; it has {', '.join(form.names())}.")
    values: dict[str, str | list[str]] = {**form.values, **changes}
    address = urljoin(page.url, form.action)
    headers = {"Referer": page.url}
    # Multipart also without a file, as the admin's forms ask for it.
    parts = files or dict.fromkeys(form.files, ("", b"", "application/octet-stream"))
    return session.post(address, data=values, files=parts or None, headers=headers, timeout=timeout)
