"""The picture of a form: what is there already, and an upload that outlives a refused form."""

from __future__ import annotations

from typing import Any, ClassVar

from django.urls import reverse
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.admin import kept
from django_wanvideo.admin.fields import file_name, kept_name
from django_wanvideo.choices import InputRole

FIRST_FRAME = InputRole.FIRST_FRAME.value


class UploadsMixin:
    """For forms with a file field for the first frame."""

    #: The person, as owner of a new task and for the signed names of kept files.
    user: ClassVar[Any]
    #: The signed name of a picture that the present model does not take; another one may.
    carried = ""
    fields: Any
    instance: Any
    data: Any
    files: Any
    errors: Any
    is_bound: bool
    cleaned_data: dict[str, Any]
    add_prefix: Any

    @property
    def is_new(self) -> bool:
        """Whether there is no draft yet."""
        return bool(self.instance._state.adding)  # noqa: SLF001 - Django's way to ask

    def _show_present_picture(self) -> None:
        if file_name(FIRST_FRAME) not in self.fields:
            return
        widget: Any = self.fields[file_name(FIRST_FRAME)].widget
        token = self.data.get(self.add_prefix(kept_name(FIRST_FRAME)), "") if self.is_bound else ""
        if token and kept.read(token, owner=self.user.pk):
            self._show_kept(token)
            return
        item = None if self.is_new else self.instance.first_frame
        if item is not None and item.file:
            small = item.thumbnail or item.file
            widget.present = kept.Kept(
                _("the present picture"), small.url, width=item.width, height=item.height, size=item.size
            )

    def _show_kept(self, token: str) -> None:
        found = kept.read(token, owner=self.user.pk)
        if found is None:
            return
        widget: Any = self.fields[file_name(FIRST_FRAME)].widget
        url = f"{reverse('admin:wanvideo_videotask_kept')}?name={token}"
        widget.present = kept.Kept(found[1], url, token=token)
        if self.is_bound:
            self.data = self.data.copy()
            self.data[self.add_prefix(kept_name(FIRST_FRAME))] = token

    def _settle_upload(self) -> None:
        """Keep the upload of a refused form; forget the kept one of an accepted form."""
        name = file_name(FIRST_FRAME)
        if name not in self.fields:
            return
        token = self.cleaned_data.get(kept_name(FIRST_FRAME)) or ""
        if not self.errors:
            if token:
                kept.forget(token, owner=self.user.pk)
            return
        upload = self.files.get(self.add_prefix(name))
        if upload is not None:
            self._keep(upload)

    def _keep(self, upload: Any) -> None:
        if not 0 < upload.size <= catalog.images.MAX_READ_BYTES:
            return
        token = kept.keep(upload, owner=self.user.pk)
        if file_name(FIRST_FRAME) in self.fields:
            self._show_kept(token)
        else:
            self.carried = token
