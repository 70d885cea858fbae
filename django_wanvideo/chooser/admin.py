"""The mixin for the site's own ModelAdmins and inlines."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.admin.options import InlineModelAdmin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core import checks
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from django_wanvideo.admin.caching import once
from django_wanvideo.chooser import copying
from django_wanvideo.chooser.fields import VideoField, VideoFileField
from django_wanvideo.chooser.origins import Origin
from django_wanvideo.chooser.videos import of_admin
from django_wanvideo.chooser.widgets import VideoChooser, VideoFileInput
from django_wanvideo.models import VideoTask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django import forms
    from django.contrib.admin.options import BaseModelAdmin
    from django.db.models import Field
    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.chooser.videos import Videos

    _Base = BaseModelAdmin[Any]
else:
    # A site puts the mixin before a ``ModelAdmin`` or an inline of its own.
    _Base = object


class VideoChooserMixin(_Base):
    """Put before any ``ModelAdmin`` or inline: its foreign keys to ``VideoTask`` are chosen by their pictures.

    Those in ``raw_id_fields``, ``autocomplete_fields`` and ``radio_fields`` stay as they are.
    """

    #: From which picture of the object a new video is made, by the field that the video is for.
    video_sources: Mapping[str, str] = {}
    #: File fields into which the file of a video can be copied.
    video_files: Sequence[str] = ()

    def get_video_metadata(self, request: HttpRequest, obj: Any, name: str) -> dict[str, Any]:
        """Return what the ``metadata`` of a new video for the field ``name`` of ``obj`` has for the site's own code."""
        return {}

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        videos = of_admin(self.admin_site, request) if self._is_chosen(db_field, request, kwargs) else None
        if videos is not None:
            kwargs |= {"form_class": VideoField, "widget": VideoChooser, "videos": videos}
            kwargs.setdefault("queryset", videos.visible)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        field: Any
        if db_field.name in self.video_files and (videos := of_admin(self.admin_site, request)) is not None:
            field = super().formfield_for_dbfield(db_field, request, form_class=VideoFileField, **kwargs)
            # Around the control that the site's theme has for files.
            field.widget = VideoFileInput(field.widget)
            field.widget.is_required = field.required
            field.choice = VideoField(videos.visible, videos=videos, required=False)
        else:
            field = super().formfield_for_dbfield(db_field, request, **kwargs)
            if not isinstance(field, VideoField):
                return field
            # The links for adding and changing lead to forms from which no video comes back.
            wrapped: Any = field
            if isinstance(wrapped.widget, RelatedFieldWidgetWrapper):
                wrapped.widget = wrapped.widget.widget
        if picture := self.video_sources.get(db_field.name):
            metadata_of = partial(self.get_video_metadata, request)
            field.offer = Origin(self.admin_site, request, field_videos(field), db_field.name, picture, metadata_of)
        return field

    def _is_chosen(self, db_field: Any, request: HttpRequest, kwargs: dict[str, Any]) -> bool:
        others = (self.raw_id_fields, self.get_autocomplete_fields(request), self.radio_fields)
        return (
            db_field.remote_field.model is VideoTask
            and not kwargs.keys() & {"widget", "form_class"}
            and not any(db_field.name in names for names in others)
        )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        parent: Any = super()
        form: type[forms.ModelForm[Any]] = parent.get_form(request, obj, change, **kwargs)
        return copying.copying(form, _copies(request)) if self.video_files else form

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        parent: Any = super()
        formset: Any = parent.get_formset(request, obj, **kwargs)
        if self.video_files:
            formset.form = copying.copying(formset.form, _copies(request))
        names = [name for name, field in formset.form.base_fields.items() if isinstance(field, VideoField)]
        offers = [offer for field in formset.form.base_fields.values() if (offer := getattr(field, "offer", None))]
        videos = of_admin(self.admin_site, request) if names or offers else None
        if videos is None:
            return formset
        own = {"videos": videos, "names": names, "offers": offers, "__module__": __name__}
        return type(formset.__name__, (_Expecting, formset), own)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Keep no copy of a video of which no object was saved."""
        parent: Any = super()
        with copying.discarding_unsaved(_copies(request)):
            response: HttpResponse = parent.changeform_view(request, *args, **kwargs)
        return response

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        """Say which names in ``video_sources`` and ``video_files`` are no fields that they could be."""
        own: Any = self
        found = super().check(**kwargs)
        for name in self.video_files:
            if not self._is_field(name, models.FileField):
                found.append(_error("video_files", f"{name!r}, which is no file field of {own.opts.label}.", own, 1))
        for name, picture in self.video_sources.items():
            if name not in self.video_files and not self._is_field(name, models.ForeignKey):
                words = f"{name!r}, which is no foreign key of {own.opts.label}, nor in video_files."
                found.append(_error("video_sources", words, own, 2))
            if not self._is_field(picture, models.FileField):
                found.append(
                    _error("video_sources", f"{picture!r}, which is no file field of {own.opts.label}.", own, 2)
                )
        parent = self.admin_site._registry.get(own.parent_model) if isinstance(own, InlineModelAdmin) else None  # noqa: SLF001 - as Django's checks
        if self.video_files and parent is not None and not isinstance(parent, VideoChooserMixin):
            text = f"{type(self).__name__} copies videos, so {type(parent).__name__} must have VideoChooserMixin too."
            hint = "A copy is deleted again by it where the page is not saved."
            found.append(checks.Error(text, hint=hint, obj=type(self), id="wanvideo.chooser.E003"))
        return found

    def _is_field(self, name: str, kind: type[Any]) -> bool:
        own: Any = self
        try:
            return isinstance(own.opts.get_field(name), kind)
        except FieldDoesNotExist:
            return False


class _Expecting:
    """Put before a formset: the videos of all its rows are looked up together."""

    videos: ClassVar[Videos]
    names: ClassVar[list[str]]
    offers: ClassVar[list[Origin]]

    def get_queryset(self) -> Any:
        parent: Any = super()
        rows = parent.get_queryset()
        self.videos.expect(row.serializable_value(name) for row in rows for name in self.names)
        for offer in self.offers:
            offer.expect(rows)
        return rows


def field_videos(field: Any) -> Any:
    return field.videos if isinstance(field, VideoField) else field.choice.videos


def _copies(request: HttpRequest) -> list[copying.Copy]:
    return once(request, "copies", list)


def _error(attribute: str, words: str, owner: Any, number: int) -> checks.Error:
    return checks.Error(f"{attribute} names {words}", obj=type(owner), id=f"wanvideo.chooser.E00{number}")
