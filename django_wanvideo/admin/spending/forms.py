"""Which days, and which model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_wanvideo import catalog
from django_wanvideo.spending.periods import Period, month_of

if TYPE_CHECKING:
    from django.http import QueryDict

#: Days that are shown at once.
MOST_DAYS = 2 * 366
#: The value of ``period`` in the address for the month before this one.
LAST_MONTH = "last-month"


class _DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        # What a browser takes, in whatever language it shows it.
        super().__init__(format="%Y-%m-%d")


class PeriodForm(forms.Form):
    """Reads the address of the page; what it leaves out is this month, of all models."""

    def __init__(self, query: QueryDict) -> None:
        self.zone, self.today = timezone.get_current_timezone(), timezone.localdate()
        self.this_month = month_of(self.today, self.zone)
        self.last_month = month_of(self.today, self.zone, before=True)
        usual = self.last_month if query.get("period") == LAST_MONTH else self.this_month
        data = {"from": usual.first.isoformat(), "to": usual.last.isoformat(), "model": ""}
        super().__init__(data | {name: query[name] for name in data if query.get(name)}, label_suffix="")
        chosen = self.data["model"]
        offered = {spec.id: spec.label for spec in catalog.models()}
        # One that the catalogue has no more can have cost something all the same.
        offered = ({} if not chosen else {chosen: chosen}) | offered
        # Two of these names are Python's own.
        self.fields["from"] = forms.DateField(label=_("From"), widget=_DateInput)
        self.fields["to"] = forms.DateField(label=_("To"), widget=_DateInput)
        models = forms.Select(choices=[("", _("All models")), *offered.items()])
        self.fields["model"] = forms.CharField(label=_("Model"), widget=models, required=False, max_length=80)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("from"), cleaned.get("to")
        if first and last and last < first:
            self.add_error("to", _("This day is before the first one."))
        elif first and last and (last - first).days >= MOST_DAYS:
            self.add_error("from", _("At most two years are shown at once. Choose a later day."))
        return cleaned

    def period(self) -> Period:
        """Return the days to show; this month where what was typed cannot be shown."""
        if not self.is_valid():
            return self.this_month
        last = min(self.cleaned_data["to"], self.today)
        return Period(min(self.cleaned_data["from"], last), last, self.zone)

    def only(self) -> dict[str, Any]:
        """Return the columns by which entries are chosen."""
        return {"model": self.cleaned_data["model"]} if self.is_valid() and self.cleaned_data["model"] else {}
