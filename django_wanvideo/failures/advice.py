"""How one failure is explained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

#: What the primary button below a failure does.
NextAction = Literal["edit_copy", "replace_picture", "retry", "decide", "fetch_again", "none"]

_COPY_HINT = _("A copy is a draft and costs nothing until you send it.")
_RETRY_HINT = _("A retry is a new request and is charged separately.")
_HINTS = {"edit_copy": _COPY_HINT, "replace_picture": _COPY_HINT, "retry": _RETRY_HINT}


class FailureGroup(TextChoices):
    """Reasons of failure by which staff look for tasks, coarser than the headings."""

    CONTENT = "content", _("Content refused")
    SETTINGS = "settings", _("Settings or picture refused")
    CAPACITY = "capacity", _("EvoLink was at capacity, late or had a fault")
    CREDITS = "credits", _("Out of credits")
    COPYING = "copying", _("Could not be copied")
    OTHER = "other", _("Another reason")


@dataclass(frozen=True, slots=True)
class FailureAdvice:
    """One failure, explained to the person who has to go on from it."""

    #: EvoLink's codes, and ours, that mean it.
    codes: tuple[str, ...]
    #: A few words, such as "Content refused".
    heading: StrOrPromise
    #: One sentence: what happened.
    explanation: StrOrPromise
    #: Who can act, and on what.
    whose_move: StrOrPromise
    next_action: NextAction = "retry"
    group: FailureGroup = FailureGroup.OTHER
    #: A remark beside the button, where it is not the usual one of the action.
    special_hint: StrOrPromise = ""

    @property
    def hint(self) -> StrOrPromise:
        return self.special_hint or _HINTS.get(self.next_action, "")
