"""By when a task was made: today, some days, or from one day to another, where the person is."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_wanvideo.admin.changelist.narrowing import Filter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.http import HttpRequest

    from django_wanvideo.admin.base import ModelAdmin

#: Years that a day may lie in: a database keeps no moments before or after what all time zones make of these.
YEARS = range(1900, 9000)


class CreatedFilter(Filter):
    """When a task was made; days begin at midnight where the person is."""

    title = _("date")
    parameter_name = "created"
    stock_template = "wanvideo/date_filter.html"
    form_template = "wanvideo/date_fields.html"
    further_parameters = ("created_from", "created_to")

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: ModelAdmin) -> None:
        typed = {name: str(params.pop(name)[-1]).strip() for name in self.further_parameters if name in params}
        super().__init__(request, params, model, model_admin)
        #: What was typed, also where it is no date.
        self.typed = {name: text for name, text in typed.items() if text}
        self.days: dict[str, dt.date] = {}
        self.errors: list[str] = []
        for name, text in self.typed.items():
            try:
                self.days[name] = _day(text)
            except ValidationError:
                self.errors.append(gettext("“%(text)s” is no date. Type it as in 2026-11-19.") % {"text": text[:40]})
        first, last = (self.days.get(name) for name in self.further_parameters)
        if first and last and first > last:
            self.errors.append(gettext("The first day is after the last."))

    def tell(self, request: HttpRequest) -> None:
        """Say at the head of the page what is wrong: on a phone the fields are out of sight."""
        if self.errors:
            messages.error(request, gettext("Nothing is shown: %(error)s") % {"error": " ".join(self.errors)})

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, Any]]:
        return [("today", _("Today")), ("7", _("Past 7 days")), ("month", _("This month"))]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Return the choices; each takes the place of the days that were typed."""
        own = [str(self.parameter_name), *self.further_parameters]
        without = changelist.get_query_string(remove=own)
        yield {"selected": not self.shown(), "query_string": without, "display": _("Any date")}
        for value, label in self.lookup_choices:
            query = changelist.get_query_string({self.parameter_name: value}, list(self.further_parameters))
            yield {"selected": value == self.value() and not self.typed, "query_string": query, "display": label}

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Return the tasks of the days; none where these are wrong, since an action is done to what is shown."""
        if self.errors:
            return queryset.none()
        found = super().queryset(request, queryset)
        first, last = (self.days.get(name) for name in self.further_parameters)
        if first is not None:
            found = found.filter(created_at__gte=_midnight(first))
        return found if last is None else found.filter(created_at__lt=_midnight(last + dt.timedelta(days=1)))

    def narrowed(self, request: HttpRequest, tasks: Any, value: str) -> Any:
        today = timezone.localdate()
        first = {"today": today, "7": today - dt.timedelta(days=7), "month": today.replace(day=1)}.get(value)
        return tasks if first is None else tasks.filter(created_at__gte=_midnight(first))

    def shown(self) -> str:
        """Return the choice, or the days in words: “6 Nov to 19 Nov”."""
        if not self.typed:
            return super().shown()
        first, last = (self._in_words(name) for name in self.further_parameters)
        if not last:
            return gettext("from %(day)s") % {"day": first}
        return gettext("%(first)s to %(last)s") % {"first": first, "last": last} if first else _until(last)

    def _in_words(self, name: str) -> str:
        day = self.days.get(name)
        if day is None:
            return self.typed.get(name, "")[:40]
        return format_date(day, "j M" if day.year == timezone.localdate().year else "j M Y")


def _until(day: str) -> str:
    return gettext("until %(day)s") % {"day": day}


def _day(text: str) -> dt.date:
    """Read a date as browsers send it, or as it is written in the person's language."""
    day: dt.date = forms.DateField().clean(text)
    if day.year not in YEARS:
        raise ValidationError("")
    return day


def _midnight(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time.min))
