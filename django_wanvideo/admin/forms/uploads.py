"""The picture of a form: what is there already, and an upload that outlives a refused form."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from django_wanvideo.admin.forms import temporary_uploads
from django_wanvideo.admin.forms.base import TaskFormBase
from django_wanvideo.admin.forms.fields import file_name, kept_name, link_name
from django_wanvideo.catalog.images import inspection
from django_wanvideo.choices import InputRole
from django_wanvideo.db import database
from django_wanvideo.models import MediaInput
from django_wanvideo.models.creation import files

FIRST_FRAME = InputRole.FIRST_FRAME.value


class UploadsMixin(TaskFormBase):
    """For forms with a file field for the first frame."""

    def show_picture(self, kept_url: str) -> None:
        """Tell the file field which picture is there already; ``kept_url`` is the address that shows kept uploads."""
        if file_name(FIRST_FRAME) not in self.fields:
            return
        widget: Any = self.fields[file_name(FIRST_FRAME)].widget
        token = self.data.get(self.add_prefix(kept_name(FIRST_FRAME)), "") if self.is_bound else ""
        item = None if self.is_new else self.instance.first_frame
        widget.present = self._kept_picture(token, kept_url) if token else None
        if widget.present is None and item is not None and item.file:
            widget.present = temporary_uploads.Kept(
                _("the present picture"),
                files.url_of(item.shown_file),
                width=item.width,
                height=item.height,
                size=item.size,
                sent=item.sent_size,
            )

    def _kept_picture(self, token: str, kept_url: str) -> temporary_uploads.Kept | None:
        stored = temporary_uploads.open_kept(token, owner=self.user.pk)
        if stored is None:
            return None
        measured: dict[str, Any] = {}
        # What was refused may be no picture at all; the field says so.
        with stored, contextlib.suppress(ValidationError):
            facts = inspection.inspect_image(stored, convertible=True)
            sent = inspection.size_to_send(facts, self.spec.input(FIRST_FRAME))
            measured = {"width": facts.width, "height": facts.height, "sent": sent}
        url = f"{kept_url}?name={token}"
        return temporary_uploads.Kept(str(stored.name), url, token=token, size=stored.size, **measured)

    def _refuse_lost_upload(self) -> None:
        """Say so where the kept picture is gone, so that nothing is made without the picture that was meant."""
        name = file_name(FIRST_FRAME)
        is_meant = self.kept_token(FIRST_FRAME) and name in self.fields and not self.cleaned_data.get(name)
        if is_meant and link_name(FIRST_FRAME) not in self.changed_data and not self.inputs().get(FIRST_FRAME):
            self.add_error(name, _("The picture that you chose cannot be read here any more. Choose it again."))

    def _settle_upload(self) -> None:
        """Keep the upload of a form that is shown again; forget the kept one of an accepted form."""
        if file_name(FIRST_FRAME) not in self.fields:
            return
        if not (self.errors or self.is_question or self.is_read_only):
            if token := self.kept_token(FIRST_FRAME):
                # Not before the task is there for good: until then this is the only copy.
                database.on_commit(partial(temporary_uploads.forget, token, owner=self.user.pk))
        elif not self.keep_upload() and self.is_question and self.is_new:
            # Where the picture is that of the task which this page has made, the form gets a copy of its own.
            for item in self.inputs().get(FIRST_FRAME, []):
                if isinstance(item, MediaInput) and item.file:
                    self._carry(temporary_uploads.keep_copy(item.file, owner=self.user.pk))

    def keep_upload(self) -> bool:
        """Keep the file that came with the form, if any, and return whether one came."""
        upload = self.files.get(self.add_prefix(file_name(FIRST_FRAME)))
        if upload is None:
            return False
        # Also where it cannot be kept: the picture that was chosen before is not the one that is meant now.
        self._carry(temporary_uploads.keep(upload, owner=self.user.pk))
        return True

    def _carry(self, token: str) -> None:
        self.data = self.data.copy()
        self.data[self.add_prefix(kept_name(FIRST_FRAME))] = token
