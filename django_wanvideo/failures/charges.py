"""What is known about the money of a task, for the admin and the command line."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from django.utils.formats import number_format
from django.utils.translation import gettext

from django_wanvideo.choices import Charge, TaskStatus

if TYPE_CHECKING:
    from django_wanvideo.models import VideoTask


class ChargeWords(NamedTuple):
    """What is known about the money, as a verdict in two words, a sentence, and a tone for its colour."""

    verdict: str
    sentence: str
    tone: Literal["good", "neutral", "warning", "failed"]


def charge_words(task: VideoTask) -> ChargeWords:
    """Say what is known about the money of ``task``, and no more."""
    charge = task.charge
    if charge == Charge.CHARGED:
        used = task.credits_used if task.credits_used is not None else task.credits_reserved
        if used is not None:
            return ChargeWords(gettext("Charged %(n)s credits.") % {"n": _amount(used)}, "", "neutral")
        return ChargeWords(gettext("Charged."), gettext("EvoLink has not said how much yet."), "neutral")
    if charge == Charge.NONE:
        sentence = ""
        if task.credits_reserved and task.status in {TaskStatus.FAILED, TaskStatus.CANCELLED}:
            sentence = gettext("EvoLink has given back the %(n)s credits it had reserved.") % {
                "n": _amount(task.credits_reserved)
            }
        return ChargeWords(gettext("Not charged."), sentence, "good")
    if charge == Charge.NOT_EXPECTED:
        if task.credits_reserved:
            sentence = gettext(
                "EvoLink gives back the %(n)s reserved credits for failed videos; it has not reported that yet."
            ) % {"n": _amount(task.credits_reserved)}
        else:
            sentence = gettext("EvoLink does not charge for failed videos; it has not reported that yet.")
        return ChargeWords(gettext("Should not be charged."), sentence, "neutral")
    if charge == Charge.MAYBE:
        sentence = gettext("EvoLink has not said yet.")
        return ChargeWords(gettext("May have been charged."), sentence, "warning")
    sentence = gettext("EvoLink settles the bill when the video is done.")
    return ChargeWords(gettext("Will be charged."), sentence, "neutral")


def _amount(number: Decimal) -> str:
    return number_format(number.quantize(Decimal("0.01"), ROUND_HALF_UP), decimal_pos=2)
