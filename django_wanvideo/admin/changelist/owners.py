"""By whose a task is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from django_wanvideo.admin.changelist.narrowing import Filter
from django_wanvideo.models import VideoTask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from django_wanvideo.admin.base import ModelAdmin


class OwnerFilter(Filter):
    """One's own tasks, nobody's, or those of the owner whose name in the list was followed or that was searched for.

    A list of all owners would read the table.
    """

    title = _("owner")
    parameter_name = "owner"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: ModelAdmin) -> None:
        super().__init__(request, params, model, model_admin)
        #: The field in which people are searched for, if this person may see them; the list of batches has none.
        self.search = search_field(model_admin, request) if model is VideoTask else None
        if self.search:
            self.stock_template, self.form_template = "wanvideo/owner_filter.html", "wanvideo/owner_fields.html"

    @property
    def search_input(self) -> SafeString:
        """The field in which people are searched for, with the one that is chosen."""
        attributes = self.search.build_attrs(self.search.attrs) if self.search else {}
        attributes |= {"data-placeholder": _("Type a name"), "data-wanvideo-name": _("Owner")}
        chosen = [(value, label) for value, label in self.lookup_choices if value == self.value()]
        options = format_html_join("", '<option value="{}" selected>{}</option>', chosen)
        return format_html(
            '<select name="{}"{}><option></option>{}</select>', self.parameter_name, flatatt(attributes), options
        )

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, Any]]:
        """Return the two choices that are always there, and the owner that is chosen."""
        found: list[tuple[str, Any]] = [("me", _("Me")), ("none", _("No owner"))]
        value = self.value()
        if value in {None, "", "me", "none"}:
            return found
        # Somebody of whom this person sees no task is not named.
        tasks = model_admin.get_queryset(request).filter(owner_id=_owner_id(value)).order_by()
        task = tasks.only("owner").first()
        # With a query of its own: owners may be in another database, and gone from there.
        owner = task.owner if task is not None else None
        return [*found, (str(value), str(owner) if owner is not None else value)]

    def narrowed(self, request: HttpRequest, tasks: Any, value: str) -> Any:
        if value == "none":
            return tasks.filter(owner_id=None)
        return tasks.filter(owner_id=request.user.pk if value == "me" else _owner_id(value))


def search_field(model_admin: ModelAdmin, request: HttpRequest) -> AutocompleteSelect | None:
    """Return Django's own field in which people are searched for; ``None`` where the site does not let this person."""
    people, admin_site = get_user_model(), model_admin.admin_site
    if not (admin_site.is_registered(people) and OwnerFilter in model_admin.get_list_filter(request)):
        return None
    theirs = admin_site.get_model_admin(people)
    if not (theirs.get_search_fields(request) and theirs.has_view_permission(request)):
        return None
    return AutocompleteSelect(VideoTask.owner.field, admin_site, attrs={"id": "wv-owner"})


def _owner_id(value: str | None) -> Any:
    try:
        return VideoTask.owner.field.target_field.to_python(value)
    except ValidationError:
        raise IncorrectLookupParameters from None
