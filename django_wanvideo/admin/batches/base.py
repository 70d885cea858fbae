"""What every page of batches asks: who may do and see what, and where pages are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _

from django_wanvideo.admin.base import render
from django_wanvideo.models import Batch

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest
    from django.template.response import TemplateResponse

    ModelAdmin = admin.ModelAdmin[Batch]
    _Base = ModelAdmin
else:
    ModelAdmin, _Base = admin.ModelAdmin, object


class BatchAdminBase(_Base):
    """Who may make and send, addresses, and the frame of a page."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Tell whether the person may make batches, and the videos that they are made of."""
        return super().has_add_permission(request) and request.user.has_perm("wanvideo.add_videotask")

    def has_submit_permission(self, request: HttpRequest, obj: Batch | None = None) -> bool:
        """Tell whether the person may spend credits."""
        return request.user.has_perm("wanvideo.submit_videotask")

    def get_own_batch(self, request: HttpRequest, object_id: uuid.UUID) -> Batch | None:
        """Return a batch that the person prepares; ``None`` where there is none of that id yet.

        Raises:
            PermissionDenied: they may not make batches.
            Http404: it is somebody else's.
        """
        if not self.has_add_permission(request):
            raise PermissionDenied
        batch = Batch.objects.filter(pk=object_id).select_related("preset").first()
        if batch is not None and batch.owner_id != request.user.pk and not is_superuser(request):
            raise Http404(no_such_check())
        return batch

    def get_page_url(self, name: str, *args: Any) -> str:
        """Return the address of one of our pages."""
        return reverse(f"admin:wanvideo_batch_{name}", args=args, current_app=self.admin_site.name)

    def get_batch_url(self, request: HttpRequest, batch: Batch) -> str:
        """Return where a batch that was confirmed is followed by this person."""
        if self.has_view_or_change_permission(request, batch):
            return self.get_page_url("change", batch.pk)
        return reverse("admin:index", current_app=self.admin_site.name)

    def render_page(self, request: HttpRequest, name: str, title: str, **context: Any) -> TemplateResponse:
        """Answer with a page of our own."""
        return render(self, request, f"batch/{name}", title, **context)


def is_superuser(request: HttpRequest) -> bool:
    """Tell whether the person may do everything."""
    return bool(getattr(request.user, "is_superuser", False))


def no_such_check() -> str:
    """Say that there is nothing to confirm under an address."""
    return _("There is no such check, or it is not yours. A check is kept for 24 hours.")
