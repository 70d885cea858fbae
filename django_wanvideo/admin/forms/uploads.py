"""The picture of a form: what is there already, and an upload that outlives a refused form."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from django_wanvideo.admin.forms import temporary_uploads
from django_wanvideo.admin.forms.fields import file_name, kept_name, link_name
from django_wanvideo.catalog.images import inspection
from django_wanvideo.choices import InputRole
from django_wanvideo.db import database
from django_wanvideo.models import MediaInput
from django_wanvideo.models.creation import files

if TYPE_CHECKING:
    from django_wanvideo.catalog.images import ImageFacts

FIRST_FRAME = InputRole.FIRST_FRAME.value


class UploadsMixin:
    """For forms with a file field for the first frame."""

    #: The person, as owner of a new task and for the signed names of kept files.
    user: ClassVar[Any]
    spec: ClassVar[Any]
    fields: Any
    instance: Any
    data: Any
    files: Any
    errors: Any
    is_bound: bool
    is_read_only: bool
    cleaned_data: dict[str, Any]
    add_prefix: Any
    add_error: Any
    changed_data: Any
    inputs: Any

    @property
    def is_question(self) -> bool:
        """Whether the person has to decide something first."""
        return False

    @property
    def is_new(self) -> bool:
        """Whether there is no draft yet."""
        return bool(self.instance._state.adding)  # noqa: SLF001 - Django's way to ask

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
        name, size = str(stored.name), stored.size
        facts: ImageFacts | None = None
        # What was refused may be no picture at all; the field says so.
        with stored, contextlib.suppress(ValidationError):
            facts = inspection.inspect_image(stored, convertible=True)
        url = f"{kept_url}?name={token}"
        if facts is None:
            return temporary_uploads.Kept(name, url, token=token, size=size)
        sent = inspection.size_to_send(facts, self.spec.input(FIRST_FRAME))
        return temporary_uploads.Kept(
            name, url, token=token, width=facts.width, height=facts.height, size=size, sent=sent
        )

    def _refuse_lost_upload(self) -> None:
        """Say so where the kept picture is gone, so that nothing is made without the picture that was meant."""
        name, token = file_name(FIRST_FRAME), self.cleaned_data.get(kept_name(FIRST_FRAME)) or ""
        is_meant = token and name in self.fields and not self.cleaned_data.get(name)
        if is_meant and link_name(FIRST_FRAME) not in self.changed_data and not self.inputs().get(FIRST_FRAME):
            self.add_error(name, _("The picture that you chose cannot be read here any more. Choose it again."))

    def _settle_upload(self) -> None:
        """Keep the upload of a form that is shown again; forget the kept one of an accepted form."""
        name = file_name(FIRST_FRAME)
        if name not in self.fields:
            return
        token = self.cleaned_data.get(kept_name(FIRST_FRAME)) or ""
        if not (self.errors or self.is_question or self.is_read_only):
            if token:
                # Not before the task is there for good: until then this is the only copy.
                database.on_commit(partial(temporary_uploads.forget, token, owner=self.user.pk))
            return
        upload = self.files.get(self.add_prefix(name))
        if upload is not None:
            self._keep(upload)
        elif self.is_question and self.is_new:
            self._keep_earlier()

    def _keep_earlier(self) -> None:
        """Where the picture is that of the task which this page has made, give the form a copy of its own."""
        for item in self.inputs().get(FIRST_FRAME, []):
            stored = getattr(item, "file", None)
            if isinstance(item, MediaInput) and stored:
                self.data = self.data.copy()
                self.data[self.add_prefix(kept_name(FIRST_FRAME))] = temporary_uploads.keep_copy(
                    stored, owner=self.user.pk
                )

    def _keep(self, upload: Any) -> None:
        token = temporary_uploads.keep(upload, owner=self.user.pk)
        self.data = self.data.copy()
        # Also where it cannot be kept: the picture that was chosen before is not the one that is meant now.
        self.data[self.add_prefix(kept_name(FIRST_FRAME))] = token
