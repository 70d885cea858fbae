"""Several inputs of one role: files and links in one order, added to, moved and taken away, with or without a script.

Each stands in the page under the same name: a link as it was typed, a kept upload and a stored file by a mark.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_wanvideo.admin.presentation import formats
from django_wanvideo.catalog import MediaFacts, images, media, text
from django_wanvideo.catalog.media import limits
from django_wanvideo.choices import InputRole
from django_wanvideo.models.creation import addresses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django_stubs_ext import StrOrPromise

    from django_wanvideo.admin.forms.temporary_uploads import TemporaryUpload
    from django_wanvideo.catalog import InputSpec, ModelSpec

#: Seconds of a clip, and characters of the lengths of all clips.
_LENGTH = re.compile(r"\d{1,4}(\.\d{1,3})?")
_LONGEST_LENGTHS = 200
#: Marks of what is no link: the signed name of a kept upload, the key of a stored input.
KEPT, STORED = "kept:", "stored:"
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


@dataclass
class Row:
    """One item as the page shows it."""

    name: str
    #: What the field sends back.
    value: str
    #: The file that is there; ``None`` for a link.
    present: TemporaryUpload | None = None
    facts: str = ""
    #: What of it could not be checked.
    remarks: Sequence[StrOrPromise] = ()
    #: Of a clip whose length is known, for the price.
    seconds: str = ""
    #: Of one that is only too long, the seconds that can be taken of it.
    cut_seconds: int | None = None
    problems: Sequence[str] = ()
    has_focus: bool = False

    @property
    def is_link(self) -> bool:
        return not self.value.startswith((KEPT, STORED))


class ItemsWidget(forms.Widget):
    """The items in their order, and what adds to them."""

    template_name = "wanvideo/widgets/items.html"
    input_type = "items"

    def __init__(self, wanted: InputSpec, file_name: str) -> None:
        super().__init__()
        self.wanted = wanted
        self.file_name = file_name
        #: What is known of each item, by its place.
        self.rows: list[Row] = []

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[Any]:
        posted = data.getlist(name) if hasattr(data, "getlist") else [data.get(name) or ""]
        return [*posted, *(files.getlist(self.file_name) if hasattr(files, "getlist") else [])]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return name not in data and self.file_name not in files

    def id_for_label(self, id_: str, index: Any = None) -> str:
        has_place = takes_files(self.wanted) and len(self.rows) < self.wanted.max_items
        return f"{id_}_files" if has_place else ""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        wanted = self.wanted
        accept = (
            f"{wanted.accept},{images.convertible_types()}".rstrip(",") if wanted.media == "image" else wanted.accept
        )
        context["wanvideo"] = {
            "role": wanted.role.value,
            "rows": self.rows,
            "file_name": self.file_name,
            "accept": accept,
            "takes_files": takes_files(wanted),
            "has_room": len(self.rows) < wanted.max_items,
            "most": wanted.max_items,
            "label": wanted.label or capfirst(wanted.role.label),
            "icon": {"image": "image", "audio": "sound", "video": "processing"}.get(wanted.media, "rows"),
        }
        return context


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


def takes_files(wanted: InputSpec) -> bool:
    """Tell whether this site can give a file on; what EvoLink's file service does not take needs a public address."""
    if wanted.media == "image":
        return True
    try:
        addresses.check_sendable()
    except ValidationError:
        return False
    return True


def describe(row: Row, wanted: InputSpec, problems: Sequence[ValidationError]) -> Row:
    """Say what was measured of a row's file, what of it could not be, and what is wrong with it."""
    if row.present is not None:
        facts = row.present.facts
        row.facts = _words_of(facts)
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


def _words_of(facts: MediaFacts) -> str:
    """Return what was measured of a file, in a line."""
    parts = [
        facts.format,
        formats.unbroken(_("%(s)s s") % {"s": formats.number(facts.seconds)}) if facts.seconds is not None else "",
        formats.unbroken(f"{facts.width} × {facts.height} px") if facts.width and facts.height else "",
        ngettext("%(n)s page", "%(n)s pages", facts.pages) % {"n": facts.pages} if facts.pages else "",
        formats.megabytes(facts.size) if facts.size else "",
    ]
    return " · ".join(filter(None, parts))


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


def refused(wanted: InputSpec, places: Iterable[int]) -> ValidationError:
    """Return what stands at the field where single items are not taken."""
    names = ", ".join(name_of(wanted, position) for position in sorted(places))
    return ValidationError(_("Not taken: %(names)s. What to do stands beside it.") % {"names": names}, "items")
