"""The controls of the fields. Each is a plain form control; ``static/wanvideo/js/chooser.js`` adds the popup to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.forms.widgets import Script

from django_wanvideo.admin.presentation.cards import Card, unknown_card
from django_wanvideo.chooser.videos import card

if TYPE_CHECKING:
    from django.utils.datastructures import MultiValueDict

    from django_wanvideo.chooser.origins import Offer
    from django_wanvideo.chooser.videos import Videos


class VideoChooser(forms.Select):
    """A select of the newest videos, which becomes a card with the chosen one and a button that opens the list."""

    template_name = "wanvideo/widgets/chooser.html"

    class Media:
        css = {"all": ("wanvideo/wanvideo.css", "wanvideo/gallery.css", "wanvideo/chooser.css")}
        js = (Script("wanvideo/js/chooser.js", type="module"),)

    #: Set for each form by the field.
    videos: Videos | None = None
    #: What the list in the popup is narrowed by.
    limits: dict[str, str] | None = None
    label: str = ""
    #: A new video that can be made for the form's object, and those that were.
    offer: Offer | None = None

    def optgroups(self, name: str, value: Any, attrs: dict[str, Any] | None = None) -> Any:
        """Add what is chosen and is none of the newest."""
        groups = super().optgroups(name, value, attrs)
        listed = {str(option["value"]) for _name, options, _index in groups for option in options}
        for number, pk in enumerate(pk for pk in value if pk and pk not in listed):
            option = self.create_option(name, pk, self._card(pk).title, True, len(groups) + number, attrs=attrs)
            groups.append((None, [option], len(groups) + number))
        return groups

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        self._cards: dict[str, Card] = {}
        context = super().get_context(name, value, attrs)
        pk = next((item for item in context["widget"]["value"] if item), "")
        videos = self.videos
        cards = [card(videos, task) for task in self.offer.made] if videos is not None and self.offer else []
        context["wanvideo"] = {
            "chosen": self._card(pk) if pk else None,
            "popup_url": videos.popup_url(self.limits or {}, self.offer.key if self.offer else "") if videos else "",
            "label": self.label,
            "offer": self.offer,
            "made": [made for made in cards if made.pk != pk],
            "is_required": self.is_required,
        }
        return context

    def _card(self, pk: str) -> Card:
        if pk not in self._cards:
            task = self.videos.find(pk) if self.videos is not None else None
            self._cards[pk] = card(self.videos, task) if self.videos is not None and task else unknown_card(pk)
        return self._cards[pk]


class Chosen:
    """What comes from a file field where a video is chosen in the place of a file."""

    def __init__(self, pk: str, upload: Any = None) -> None:
        self.pk, self.upload = pk, upload
        #: The file that is there already.
        self.present: Any = None


class VideoFileInput(forms.Widget):
    """A file field's own control, whatever theme it is of, with a chooser below it."""

    template_name = "wanvideo/widgets/video_file.html"
    needs_multipart_form = True

    def __init__(self, inner: forms.Widget | None = None, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.inner = inner or forms.ClearableFileInput()
        self.chooser = VideoChooser()

    def __deepcopy__(self, memo: dict[int, Any]) -> VideoFileInput:
        copied = super().__deepcopy__(memo)
        copied.inner, copied.chooser = self.inner.__deepcopy__(memo), self.chooser.__deepcopy__(memo)
        return copied

    @property
    def media(self) -> forms.Media:
        return self.inner.media + self.chooser.media

    def chosen_name(self, name: str) -> str:
        return f"{name}-video"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        own = context["widget"]["attrs"]
        pk, present = (value.pk, value.present) if isinstance(value, Chosen) else ("", value)
        self.inner.is_required = self.is_required
        chooser_id = f"{own['id']}-video" if own.get("id") else None
        context["inner"] = self.inner.render(name, present, own)
        context["chooser"] = self.chooser.render(self.chosen_name(name), pk, {"id": chooser_id} if chooser_id else {})
        return context

    def value_from_datadict(self, data: Any, files: MultiValueDict[str, Any], name: str) -> Any:
        upload = self.inner.value_from_datadict(data, files, name)
        pk = self.chooser.value_from_datadict(data, files, self.chosen_name(name))
        return Chosen(str(pk), upload) if pk else upload

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        is_omitted = self.inner.value_omitted_from_data(data, files, name)
        return is_omitted and self.chosen_name(name) not in data

    def use_required_attribute(self, initial: Any) -> bool:
        # A file is not needed where a video is chosen, and only the server sees both.
        return False

    def id_for_label(self, id_: str) -> str:
        return self.inner.id_for_label(id_)
