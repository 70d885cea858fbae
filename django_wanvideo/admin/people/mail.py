"""E-mails in the admin: what each person chooses for themselves, and what is still to be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_wanvideo.admin.base import person
from django_wanvideo.mail import collecting
from django_wanvideo.mail.delivery import GIVEN_UP
from django_wanvideo.models import SiteState
from django_wanvideo.models.base import people

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    from django_wanvideo.models import Notification, NotificationChoice

    NotificationModelAdmin = admin.ModelAdmin[Notification]
    ChoiceModelAdmin = admin.ModelAdmin[NotificationChoice]
else:
    NotificationModelAdmin = ChoiceModelAdmin = admin.ModelAdmin

VIEW_VIDEOS = "wanvideo.view_videotask"


class NotificationChoiceAdmin(ChoiceModelAdmin):
    """One page for oneself; nobody sees or changes what others have chosen."""

    radio_fields = {"when": admin.VERTICAL}

    def get_queryset(self, request: HttpRequest) -> QuerySet[NotificationChoice]:
        """Return the person's own row, if there is one."""
        return super().get_queryset(request).filter(user_id=person(request).pk)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Tell whether the person may look at videos; who may not is never told of any."""
        return self._may_look(request)

    def has_view_permission(self, request: HttpRequest, obj: NotificationChoice | None = None) -> bool:
        """As for the whole page."""
        return self._may_look(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """As for the whole page."""
        return self._may_look(request)

    def has_change_permission(self, request: HttpRequest, obj: NotificationChoice | None = None) -> bool:
        """As for the whole page."""
        return self._may_look(request)

    def has_delete_permission(self, request: HttpRequest, obj: NotificationChoice | None = None) -> bool:
        """Nobody; there is *Never*."""
        return False

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        """Offer the one page in the admin's index, and nothing to add."""
        return {**super().get_model_perms(request), "add": False}

    def get_fieldsets(self, request: HttpRequest, obj: NotificationChoice | None = None) -> Any:
        """Return the choice, and where the e-mails go."""
        address = collecting.address_of(person(request))
        words = _("About your own videos and batches, to %(address)s.") % {"address": address}
        if not address:
            words = _("Your account has no e-mail address; ask whoever runs the site to enter one.")
        # Django takes a description for markup.
        return [(None, {"fields": ["when"], "description": escape(words)})]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Lead to the one page."""
        own = self.get_queryset(request).first()
        name, args = ("change", [own.pk]) if own is not None else ("add", [])
        url = reverse(f"admin:wanvideo_notificationchoice_{name}", args=args, current_app=self.admin_site.name)
        return HttpResponseRedirect(url)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one button."""
        own = self.get_queryset(request).first() if object_id is None else None
        if own is not None:
            # A second tab, or an old one: there is one row for each person.
            object_id = str(own.pk)
        context = {
            "title": _("E-mails about my videos"),
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
            **(extra_context or {}),
        }
        return super().changeform_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: NotificationChoice, form: Any, change: bool) -> None:
        """Write whose it is."""
        obj.user_id = person(request).pk
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: NotificationChoice, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Lead back to where one came from."""
        return self.response_change(request, obj)

    def response_change(self, request: HttpRequest, obj: NotificationChoice) -> HttpResponse:
        """Lead to the list of videos."""
        messages.success(request, _("E-mails about your videos: %(when)s") % {"when": obj.get_when_display()})
        return HttpResponseRedirect(reverse("admin:wanvideo_videotask_changelist", current_app=self.admin_site.name))

    def _may_look(self, request: HttpRequest) -> bool:
        return request.user.has_perm(VIEW_VIDEOS)


class StateFilter(admin.SimpleListFilter):
    """By what became of an e-mail."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the states."""
        return [("waiting", _("Waiting")), ("sent", _("Sent")), ("lost", _("Given up"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Notification]) -> QuerySet[Notification]:
        """Narrow the list."""
        columns = {"waiting": "due_at", "sent": "sent_at", "lost": "gave_up_at"}
        column = columns.get(self.value() or "")
        return queryset.filter(**{f"{column}__isnull": False}) if column else queryset


class NotificationAdmin(NotificationModelAdmin):
    """What people are told, and what did not reach them; for those who run the site."""

    list_display = ("about", "person_name", "created_at", "state")
    list_display_links = None
    list_filter = (StateFilter, "kind")
    # Fetched with the rows themselves.
    list_select_related = ()
    show_full_result_count = False
    actions = ("try_again",)

    class Media:
        css = {"all": ("wanvideo/wanvideo.css",)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody; they follow from events."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Notification | None = None) -> bool:
        """Only for trying again: no single row has a form."""
        return obj is None and super().has_change_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notification]:
        """Fetch what they are about as well, and the people, wherever these are."""
        rows = super().get_queryset(request).select_related("task_event__task", "batch_event__batch")
        return people.fetched_with(rows, "person")

    @admin.display(description=gettext_lazy("about"))
    def about(self, row: Notification) -> str | SafeString:
        """What it tells, as a link to it."""
        event: Any = row.task_event or row.batch_event
        subject = event.task if row.task_event is not None else event.batch
        if row.task_event is None:
            return f"{row.get_kind_display()}: {subject}"
        url = reverse("admin:wanvideo_videotask_change", args=[subject.pk], current_app=self.admin_site.name)
        return format_html('<a href="{}">{}</a>', url, row.get_kind_display())

    @admin.display(description=gettext_lazy("person"))
    def person_name(self, row: Notification) -> str:
        """Whom it is for."""
        return people.name_of(row.person) if row.person is not None else "–"

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: Notification) -> str:
        """What became of it."""
        if row.sent_at is not None:
            return _("Sent")
        if row.gave_up_at is not None:
            return _("Given up after %(n)s tries (%(error)s)") % {"n": row.tries, "error": row.error}
        if row.tries:
            return _("Tried %(n)s times (%(error)s), is tried again") % {"n": row.tries, "error": row.error}
        return _("Waiting")

    @admin.action(description=gettext_lazy("Try again"), permissions=["change"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        """Send what was given up after all."""
        now = timezone.now()
        lost = queryset.filter(gave_up_at__isnull=False)
        count = lost.update(gave_up_at=None, due_at=now, created_at=now, tries=0)
        SiteState.objects.filter(name=GIVEN_UP).delete()
        words = ngettext("%(n)s e-mail is tried again.", "%(n)s e-mails are tried again.", count)
        messages.info(request, words % {"n": count})
