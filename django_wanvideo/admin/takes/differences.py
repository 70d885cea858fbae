"""In what takes differ: what is the same in all of them stands once, what is not stands at each take, marked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _

from django_wanvideo.admin.presentation import formats, markup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.utils.safestring import SafeString

    from django_wanvideo.catalog import ParameterSpec
    from django_wanvideo.models import VideoTask

#: Words are compared, and signs between them; scripts without spaces letter by letter.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+|[^\w\s]")
#: Words shown before and after what has changed.
AROUND = 4
#: Two changes with no more words between them are shown as one.
_BETWEEN = 2
#: Of a longer change the beginning is shown.
LONGEST = 24
_LONGEST_TEXT = 240


@dataclass(frozen=True)
class Line:
    """One fact of a take or of all; ``value`` is text or HTML."""

    name: str
    value: SafeString | str
    #: Whether people wrote it, in whatever language.
    is_prompt: bool = False


@dataclass
class Comparison:
    """What is the same in all takes, and by take what is not."""

    same: list[Line] = field(default_factory=list)
    differing: dict[Any, list[Line]] = field(default_factory=dict)


def compare(tasks: Sequence[VideoTask], first: VideoTask) -> Comparison:
    """Compare takes with the ``first`` of their group, which may stand on another page."""
    found = Comparison(differing={task.pk: [] for task in tasks})
    everyone = [first, *tasks]
    for label, values in _settings(everyone):
        if len(set(values.values())) == 1:
            found.same.append(Line(label, values[first.pk]))
            continue
        for task in tasks:
            value = values[task.pk]
            shown = value if value == values[first.pk] else mark(value)
            found.differing[task.pk].append(Line(label, shown))
    is_same = all(task.prompt == first.prompt for task in tasks)
    number = {"n": first.take_number}
    found.same.append(
        Line(_("Prompt") if is_same else _("Prompt of take %(n)s") % number, first.prompt, is_prompt=True)
    )
    for task in tasks if not is_same else ():
        if task.pk == first.pk:
            words: SafeString | str = _("As below")
        elif task.prompt == first.prompt:
            words = _("As take %(n)s") % number
        else:
            words = changed_words(first.prompt, task.prompt)
        found.differing[task.pk].append(Line(_("Prompt"), words, is_prompt=True))
    return found


def mark(text: SafeString | str) -> SafeString:
    """Return ``text`` as something that differs."""
    return format_html('<mark class="wv-differs">{}</mark>', text)


def _settings(tasks: Sequence[VideoTask]) -> list[tuple[str, dict[Any, str]]]:
    """Return model and settings in force, each with its value by take; a model without a setting has a dash there."""
    labels: dict[str, str] = {}
    by_task: dict[Any, dict[str, str]] = {}
    for task in tasks:
        spec = markup.spec_of(task.model)
        known: dict[str, ParameterSpec] = {item.name: item for item in spec.parameters} if spec is not None else {}
        values = spec.effective_values(task.parameters) if spec is not None else task.parameters
        by_task[task.pk] = {}
        for name, value in values.items():
            labels.setdefault(name, str(known[name].label) if name in known else name)
            by_task[task.pk][name] = formats.setting(known[name], value) if name in known else str(value)
    found = [(_("Model"), {task.pk: markup.model_label(task.model) for task in tasks})]
    found += [(label, {task.pk: by_task[task.pk].get(name, "–") for task in tasks}) for name, label in labels.items()]
    return found


# Prompts -------------------------------------------------------------------------------------------------------------


def changed_words(before: str, after: str) -> SafeString:
    """Return the parts of ``after`` that are not in ``before``, marked, each with a few words around it.

    Words that were taken out stand crossed out.
    """
    old, new = list(_WORD.finditer(before)), list(_WORD.finditer(after))
    changes = _changes([word[0] for word in old], [word[0] for word in new])
    if not changes or not new:
        # Only signs that are no words differ, such as two spaces for one.
        return mark(after)
    parts: list[tuple[SafeString | str]] = []
    for begun, end, within in _windows(changes, len(new)):
        # No comma first.
        start = next((n for n in range(begun, within[0][2]) if new[n][0].isalnum()), begun) if begun else 0
        parts.append(("… " if start and not parts else "",))
        at = new[start].start()
        for a, b, c, d in within:
            if d > c:
                parts += [(after[at : new[c].start()],), (mark(_cut(after[new[c].start() : new[d - 1].end()])),)]
                at = new[d - 1].end()
            else:
                until = new[c - 1].end() if c > start else at
                gone = format_html("<del>{}</del>", _cut(before[old[a].start() : old[b - 1].end()]))
                space = " " if c > start else ""
                parts += [(after[at:until] + space,), (mark(gone),), ("" if space else " ",)]
                at = until
        parts += [(after[at : new[end - 1].end()],), (" … " if end < len(new) else after[new[end - 1].end() :],)]
    return format_html_join("", "{}", parts)


_Change = tuple[int, int, int, int]


def _windows(changes: list[_Change], count: int) -> list[tuple[int, int, list[_Change]]]:
    """Return from which word to which is shown, and the changes there."""
    found: list[tuple[int, int, list[_Change]]] = []
    for change in changes:
        start, end = max(0, change[2] - AROUND), min(count, change[3] + AROUND)
        if found and start <= found[-1][1]:
            before, _end, within = found.pop()
            found.append((before, end, [*within, change]))
        else:
            found.append((start, end, [change]))
    return found


def _changes(old: list[str], new: list[str]) -> list[_Change]:
    """Return which words of ``old`` became which of ``new``; changes that almost touch as one."""
    found: list[_Change] = []
    for kind, *change in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        if found and change[2] - found[-1][3] <= _BETWEEN:
            change[0::2] = found.pop()[0::2]
        found.append((change[0], change[1], change[2], change[3]))
    return found


def _cut(text: str) -> str:
    shown = " ".join(text.split()[:LONGEST])[:_LONGEST_TEXT]
    return text if len(shown) >= len(text) else f"{shown} …"
