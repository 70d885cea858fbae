"""Copies of videos in the storage of another field: made while the form is checked, and gone again if it is not saved."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ImproperlyConfigured
from django.db import router
from django.utils.translation import gettext as _

from django_wanvideo.chooser.fields import VideoCopy
from django_wanvideo.models.creation import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.files.storage import Storage
    from django.db.models import Model
    from django.db.models.fields.files import FieldFile

    ModelForm = forms.ModelForm[Any]
else:
    ModelForm = object


@dataclass(frozen=True)
class Copy:
    """A file that was stored for a field of an object which is not saved yet."""

    obj: Model
    field: str
    storage: Storage
    name: str

    def is_saved(self) -> bool:
        """Ask the database whether the object refers to the file."""
        model: Any = type(self.obj)
        # Where it was written: a replica may not have heard of it.
        rows = model._base_manager.using(router.db_for_write(model, instance=self.obj))  # noqa: SLF001
        return bool(rows.filter(pk=self.obj.pk, **{self.field: self.name}).exists())


@contextlib.contextmanager
def discarding_unsaved(copies: list[Copy]) -> Iterator[None]:
    """Delete those of ``copies`` whose objects were not saved in the block, whatever ended it."""
    try:
        yield
    finally:
        for copy in copies:
            with files.BestEffort("The copy %s of a video, which nothing refers to, could not be deleted.", copy.name):
                if not copy.is_saved():
                    copy.storage.delete(copy.name)
        copies.clear()


class CopyingForm(ModelForm):
    """Put before a ``ModelForm``: copies the videos that were chosen for file fields once all else in it is right."""

    #: What was copied in this request.
    copies: ClassVar[list[Copy]]

    def _post_clean(self) -> None:
        parent: Any = super()
        parent._post_clean()  # noqa: SLF001 - where a ModelForm fills in and checks its object
        for name, content in [] if self.errors else list(self.cleaned_data.items()):
            if isinstance(content, VideoCopy) and not self._copy(name, content):
                break

    def _copy(self, name: str, content: VideoCopy) -> bool:
        """Copy in chunks, as Django stores any file; say whether the storage took it."""
        stored: FieldFile = getattr(self.instance, name)
        intended = stored.field.generate_filename(self.instance, str(content.name))
        is_free = False
        try:
            is_free = not stored.storage.exists(intended)
            stored.save(str(content.name), content, save=False)
        except ImproperlyConfigured:
            raise
        except Exception as error:
            # Every storage has errors of its own.
            files.logger.warning("The storage does not take the copy %s. (%s)", intended, files.brief(error))
            if is_free:
                # What was written of it before the storage failed.
                with files.BestEffort("What the storage has of the copy %s could not be deleted.", intended):
                    stored.storage.delete(intended)
            setattr(self.instance, name, self.initial.get(name) or "")
            words = _("This site’s storage does not take the file just now. Try again in a few minutes.")
            self.add_error(name, forms.ValidationError(words, code="unstorable"))
            return False
        finally:
            content.close()
        self.copies.append(Copy(self.instance, name, stored.storage, str(stored.name)))
        return True


def copying(form: type[Any], copies: list[Copy]) -> type[Any]:
    """Return the form that copies, and notes in ``copies`` what."""
    return type(form.__name__, (CopyingForm, form), {"copies": copies, "__module__": __name__})
