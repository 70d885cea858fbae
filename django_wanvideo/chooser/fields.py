"""Form fields for a video: a foreign key to its task, or a copy of its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.widgets import url_params_from_lookup_dict
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.forms.models import ModelChoiceIterator
from django.utils.translation import gettext_lazy as _

from django_wanvideo.admin.presentation import formats, names
from django_wanvideo.choices import TaskStatus
from django_wanvideo.chooser.videos import Videos
from django_wanvideo.chooser.widgets import Chosen, VideoChooser, VideoFileInput
from django_wanvideo.models import VideoTask
from django_wanvideo.models.creation import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.models import QuerySet

    from django_wanvideo.chooser.origins import Offer

    ModelChoiceField = forms.ModelChoiceField[VideoTask]
    VideoFile = File[bytes]
else:
    ModelChoiceField, VideoFile = forms.ModelChoiceField, File

REFUSED = _("This video cannot be chosen: it is not finished, it was deleted, or you may not see it.")


_QUERYSET: Any = vars(forms.ModelChoiceField)["queryset"]


class RecentVideos(ModelChoiceIterator):  # type: ignore[type-arg]
    """The newest videos: a select of all would read the table."""

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        if self.field.empty_label is not None:
            yield "", self.field.empty_label
        for task in self._recent():
            yield self.choice(task)

    def __len__(self) -> int:
        return len(self._recent()) + (self.field.empty_label is not None)

    def _recent(self) -> list[VideoTask]:
        field: Any = self.field
        found: list[VideoTask] = field.videos.recent(self.queryset)
        return found


class VideoField(ModelChoiceField):
    """A finished video, for a foreign key to ``VideoTask``.

    What was chosen before stays valid, also where it is not finished, or the person may not see it any more.

    Args:
        queryset: the tasks that the person may see; all, otherwise. Of these the finished ones can be chosen.
        videos: the same and where they are shown, in the place of ``queryset``.
    """

    widget = VideoChooser
    iterator = RecentVideos
    default_error_messages = {"invalid_choice": REFUSED}

    def __init__(self, queryset: QuerySet[VideoTask] | None = None, *, videos: Videos | None = None, **options: Any):
        if queryset is None:
            queryset = videos.visible if videos is not None else VideoTask.objects.all()
        self.videos = videos or Videos(queryset)
        #: Returns what new videos the form's object can have, for those who may make some.
        self.offer: Callable[[Any], Offer | None] | None = None
        self._present = ""
        super().__init__(queryset, **options)

    @property
    def queryset(self) -> Any:
        """What can be chosen; a form may set it, and unfinished tasks are left out of what is set."""
        return super().queryset

    @queryset.setter
    def queryset(self, queryset: QuerySet[VideoTask] | None) -> None:
        finished = queryset if queryset is None else queryset.filter(status=TaskStatus.COMPLETED)
        _QUERYSET.fset(self, finished)

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> forms.BoundField:
        """Note what the form's object has now, and show that."""
        bound = super().get_bound_field(form, field_name)
        initial = self.prepare_value(bound.initial)
        self._present = "" if initial is None else str(initial)
        widget: Any = self.widget
        if isinstance(widget, VideoChooser):
            prepare(widget, self, form, str(bound.label or ""))
        return bound

    def to_python(self, value: Any) -> VideoTask | None:
        if self._present and str(value) == self._present:
            if (task := VideoTask.objects.filter(pk=value).first()) is not None:
                return task
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice")
        task = super().to_python(value)
        if task is not None and not self.videos.may_see(task):
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice")
        return task

    def label_from_instance(self, obj: VideoTask) -> str:
        return f"{obj} ({formats.clock(obj.created_at)})"


class VideoCopy(VideoFile):
    """The file of a task under a name of its own, to be read once into another field's storage."""

    def __init__(self, task: VideoTask) -> None:
        name = files.unique_name(names.of_video(task).removesuffix(".mp4"), ".mp4")
        super().__init__(task.video.storage.open(str(task.video.name), "rb"), name=name)


class VideoFileField(forms.FileField):
    """A file that is uploaded as usual, or copied from a finished video.

    A copy has a name of its own; the task's file is only read. Where the form is one of a ``ModelAdmin`` with
    ``VideoChooserMixin`` a storage that fails is an error of the form; elsewhere it raises what it raises when the
    object is saved.
    """

    widget = VideoFileInput

    def __init__(self, *, queryset: QuerySet[VideoTask] | None = None, videos: Videos | None = None, **options: Any):
        self.choice = VideoField(queryset, videos=videos, required=False)
        self.offer: Callable[[Any], Offer | None] | None = None
        super().__init__(**options)

    @property
    def queryset(self) -> Any:
        """The videos that can be copied; a form may set it, as for a ``VideoField``."""
        return self.choice.queryset

    @queryset.setter
    def queryset(self, queryset: QuerySet[VideoTask]) -> None:
        self.choice.queryset = queryset

    def __deepcopy__(self, memo: dict[int, Any]) -> VideoFileField:
        copied = super().__deepcopy__(memo)
        copied.choice = self.choice.__deepcopy__(memo)
        return copied

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> forms.BoundField:
        bound = super().get_bound_field(form, field_name)
        widget: Any = self.widget
        if isinstance(widget, VideoFileInput):
            chooser: Any = widget.chooser
            chooser.choices = self.choice.choices
            self.choice.offer = self.offer
            prepare(chooser, self.choice, form, str(bound.label or ""))
        return bound

    def bound_data(self, data: Any, initial: Any) -> Any:
        if isinstance(data, Chosen):
            data.present = initial
            return data
        return super().bound_data(data, initial)

    def clean(self, data: Any, initial: Any = None) -> Any:
        """Open the file of a chosen video; a storage that does not give it is an error of the field."""
        if not isinstance(data, Chosen):
            return super().clean(data, initial)
        if data.upload:
            raise ValidationError(_("Choose a video or a file, not both."), code="contradiction")
        task = self.choice.clean(data.pk)
        if task is None or not task.video:
            raise ValidationError(REFUSED, code="invalid_choice")
        try:
            copy = VideoCopy(task)
        except Exception as error:
            # Every storage has errors of its own, and of a file that is gone too.
            raise unreadable(error, task) from error
        self.run_validators(copy)
        return copy


def unreadable(error: Exception, task: VideoTask) -> ValidationError:
    """Return what the form says where the video's own storage fails."""
    files.logger.warning("The storage does not give the video %s. (%s)", task.video.name, files.brief(error))
    return ValidationError(
        _("The site’s storage does not give this video just now. Try again in a few minutes."), code="unreadable"
    )


def prepare(widget: VideoChooser, field: VideoField, form: forms.BaseForm, label: str) -> None:
    """Give the control of one form what it shows."""
    limits = field.get_limit_choices_to()
    widget.videos, widget.label = field.videos, label
    widget.limits = url_params_from_lookup_dict(limits) if limits else {}
    widget.offer = field.offer(getattr(form, "instance", None)) if field.offer is not None else None
