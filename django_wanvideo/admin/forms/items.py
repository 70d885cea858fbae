"""Several inputs of one role: files and links in one order, added to, moved and taken away, with or without a script.

Each stands in the page under the same name: a link as it was typed, a kept upload and a stored file by a mark.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_wanvideo import catalog
from django_wanvideo.admin.forms.widgets import ItemsWidget, Row, joined, posted_keys
from django_wanvideo.admin.presentation import formats
from django_wanvideo.catalog import MediaFacts, images, media, rules, text
from django_wanvideo.catalog.media import limits
from django_wanvideo.choices import InputRole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from django.http import QueryDict
    from django_stubs_ext import StrOrPromise

    from django_wanvideo.catalog import InputSpec, ModelSpec

#: Seconds of a clip, and characters of the lengths of all clips.
_LENGTH = re.compile(r"\d{1,4}(\.\d{1,3})?")
_LONGEST_LENGTHS = 200
#: Buttons that change the list and nothing else. Their value is the role, with the item's place but for the first.
ADD, UP, REMOVE, CUT = "_add", "_up", "_remove", "_cut"
BUTTONS = (ADD, UP, REMOVE, CUT)
#: How an item is called in the prompt and on the page.
_NAMES = {
    "image": gettext_lazy("Image %(n)s"),
    "video": gettext_lazy("Video %(n)s"),
    "audio": gettext_lazy("Audio %(n)s"),
    "document": gettext_lazy("Document %(n)s"),
}


class ItemsField(forms.Field):
    """Inputs of one role. What they may be is the catalogue's to say."""

    widget: ItemsWidget

    def __init__(
        self, wanted: InputSpec, file_name: str, label: StrOrPromise, help_text: StrOrPromise, fold: StrOrPromise
    ) -> None:
        super().__init__(label=label, help_text=help_text, required=False, widget=ItemsWidget(wanted, file_name))
        self.is_needed, self.fold = wanted.required, fold

    def to_python(self, value: Any) -> list[Any]:
        found: list[Any] = []
        for item in value or []:
            # Whoever writes several links into one field means several.
            found.extend(text.lines(item) if isinstance(item, str) else [item])
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.to_python(data) != list(initial or [])


def is_listed(wanted: InputSpec) -> bool:
    """Tell whether inputs stand in a list; a first and a last frame have a place of their own, in every model."""
    return wanted.role not in {InputRole.FIRST_FRAME, InputRole.LAST_FRAME}


def describe(row: Row, wanted: InputSpec, problems: Sequence[ValidationError]) -> Row:
    """Say what was measured of a row's file, what of it could not be, and what is wrong with it."""
    if row.present is not None:
        facts = row.present.facts
        row.facts = " · ".join(filter(None, [facts.format, formats.measured(facts)]))
        if row.present.sent:
            size = images.dimensions(*row.present.sent)
            row.facts = " ".join([row.facts, _("It will be sent as %(size)s JPEG.") % {"size": size}])
        row.seconds = str(facts.seconds) if facts.seconds is not None else ""
        row.remarks = list(limits.remarks(wanted, facts)) if facts.format and wanted.media != "image" else []
        row.cut_seconds = wanted.max_seconds if media.can_cut(wanted, facts) else None
    row.problems = worded(problems, row)
    return row


def worded(problems: Sequence[ValidationError], row: Row) -> list[str]:
    """Return what is wrong with a row's input; where there is a button for that, it is named, in ``problems`` too."""
    for problem in problems:
        if problem.code == "seconds" and row.cut_seconds is not None:
            problem.message = _(
                "It lasts %(seconds)s seconds; %(low)s to %(high)s are taken. Press “Use its first %(high)s seconds”, or "
                "choose another."
            )
    return [message for problem in problems for message in problem.messages]


def name_of(wanted: InputSpec, position: int) -> str:
    """Return how an item is called, by its place from 0."""
    return str(_NAMES[wanted.media]) % {"n": position + 1}


def clips_in(spec: ModelSpec, data: Mapping[str, str]) -> dict[str, list[Any]]:
    """Return the clips of each role that is billed, as a script has measured or counted them, or as there are links."""
    found: dict[str, list[Any]] = {}
    for role in (item.role.value for item in spec.price.input_seconds):
        lengths, count = data.get(f"{role}_seconds", ""), data.get(f"{role}_count", "")
        if lengths and len(lengths) < _LONGEST_LENGTHS:
            found[role] = [_clip(seconds) for seconds in lengths.split(",")]
            continue
        links = int(count) if count.isdecimal() and len(count) < 4 else len(text.lines(data.get(f"{role}_url", "")))
        # What cannot be left out is part of every price.
        found[role] = [""] * max(links, spec.input(role).required)
    return found


def _clip(seconds: str) -> MediaFacts:
    """Return a clip whose length a script has read in the page; ``?`` for one that is not known."""
    return MediaFacts(seconds=Decimal(seconds) if _LENGTH.fullmatch(seconds) else None)


def pressed(data: Any) -> str:
    """Return the button that changes the order of a form's items, if one was pressed."""
    return next((name for name in BUTTONS if name in data), "")


def rearrange(
    data: QueryDict,
    wanted: Iterable[InputSpec],
    prefix: Callable[[str], str],
    cut: Callable[[InputSpec, int, str], str],
) -> tuple[str, int] | None:
    """Do what the pressed button says, to the items of a form; return the role and the place to go on at.

    What cannot be done any more, such as a move of what is gone, changes nothing. ``cut`` returns what stands for the
    beginning of an item.
    """
    button = pressed(data)
    role, _colon, place = str(data.get(button, "")).partition(":")
    spec = next((item for item in wanted if item.role == role), None)
    if not button or spec is None:
        return None
    name = prefix(f"{role}_url")
    values = data.getlist(name)
    at = int(place) if place.isdecimal() and len(place) < 4 else -1
    if button == ADD:
        # A row to write a link into; files have come in by now.
        if place == "link" and len(values) < spec.max_items:
            values.append("")
        at = len(values) - 1
    elif at >= len(values) or at < (button == UP):
        return role, len(values) - 1
    elif button == UP:
        _follow(data, prefix, role, at, len(values))
        values.insert(at - 1, values.pop(at))
        at -= 1
    elif button == CUT:
        values[at] = cut(spec, at, values[at])
    else:
        _follow(data, prefix, role, at, len(values))
        del values[at]
        at = min(at, len(values) - 1)
    data.setlist(name, values)
    return role, at


def refused(wanted: InputSpec, places: Iterable[int]) -> ValidationError:
    """Return what stands at the field where single items are not taken."""
    names = ", ".join(name_of(wanted, position) for position in sorted(places))
    return ValidationError(_("Not taken: %(names)s. What to do stands beside it.") % {"names": names}, "items")


# To which other input each item of a role belongs, such as a voice to a picture. ---------------------------------------


def with_keys() -> dict[str, InputSpec]:
    """Return the inputs that belong to others, by the name of the parameter that says to which; of every model."""
    inputs = (item for spec in catalog.known() for item in spec.inputs)
    return {item.keys_parameter: item for item in inputs if item.keys_parameter}


def key_choices(spec: ModelSpec, wanted: InputSpec, counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """Return the inputs of a form that a row can belong to, as sent and as shown, in the order of the page."""
    words = {role: word for word, role in wanted.key_roles}
    return [
        (f"{words[other.role]}{place + 1}", name_of(other, place))
        for other in spec.inputs
        if other.role in words
        for place in range(counts.get(other.role, 0))
    ]


def set_keys(rows: Iterable[Row], choices: Sequence[tuple[str, str]], keys: Sequence[str]) -> None:
    """Give each row its choices and what was chosen; what is not there stays chosen, so that it is seen."""
    for place, row in enumerate(rows):
        row.key = keys[place] if place < len(keys) else ""
        is_known = not row.key or row.key in {key for key, _name in choices}
        missing = [] if is_known else [(row.key, _("%(key)s (not there)") % {"key": text.printable(row.key)})]
        row.keys = [*choices, *missing]


def keys_of_given(wanted: InputSpec, keys: Sequence[str], rows: Mapping[str, Sequence[str]]) -> list[str | None]:
    """Return the keys for what is given in ``rows``, by role: empty rows count for nothing, one with two links twice.

    ``None`` stands for the key of an empty row. Roles that are not among ``rows`` are as they are.
    """
    meant: dict[str, str | None] = {}
    for word, role in wanted.key_roles:
        count = 0
        for number, value in enumerate(rows.get(role, ()), start=1):
            links = len(text.lines(value))
            meant[f"{word}{number}"] = f"{word}{count + 1}" if links else None
            count += links
    own = rows.get(wanted.role, ())
    found: list[str | None] = []
    for key, value in zip([*keys, *[""] * len(own)], own, strict=False):
        links = len(text.lines(value))
        found += [meant.get(key, key), *[""] * (links - 1)] if links else []
    return found + [meant.get(key, key) for key in keys[len(own) :]]


def filled_keys(wanted: InputSpec, keys: Sequence[str | None], counts: Mapping[str, int]) -> str | None:
    """Return the parameter for the chosen ``keys``; what was left in order gets what is left, ``None`` if all was."""
    if not any(keys):
        return None
    left = iter([key for key in rules.keys_of(wanted, None, counts) if key not in keys])
    return ", ".join(filter(None, (key or next(left, None) for key in keys)))


def _follow(data: QueryDict, prefix: Callable[[str], str], role: str, at: int, count: int) -> None:
    """Let keys follow the one of ``count`` items that the pressed button moves up or takes away."""
    is_move = pressed(data) == UP
    for parameter, wanted in with_keys().items():
        keys = posted_keys(data, prefix(parameter))
        if role == wanted.role:
            keys += [""] * (at + 1 - len(keys))
            key = keys.pop(at)
            if is_move:
                keys.insert(at - 1, key)
        for word in [word for word, other in wanted.key_roles if other == role]:
            names = [f"{word}{number}" for number in range(1, count + 1)]
            now = [*names[: at - 1], names[at], names[at - 1], *names[at + 1 :]] if is_move else []
            now = now or [*names[:at], "", *names[at : count - 1]]
            keys = [dict(zip(names, now, strict=True)).get(key, key) for key in keys]
        if any(keys) or prefix(parameter) in data:
            data[prefix(parameter)] = joined(keys)
