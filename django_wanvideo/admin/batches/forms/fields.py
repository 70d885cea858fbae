"""The fields of *Make many* beside those that the catalogue gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from django_wanvideo.admin.batches.forms.widgets import GivenFiles, Ways
from django_wanvideo.admin.forms.fields import PromptField, model_field
from django_wanvideo.batches.given import PICTURES, TABLE, TAKES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_stubs_ext import StrOrPromise

    from django_wanvideo.catalog import ModelSpec
    from django_wanvideo.models import Preset

#: Takes of one video that can be made at a time.
MOST_TAKES = 20


class GivenField(forms.FileField):
    """Files that are stored for the batch before anything else of the form is looked at."""

    def __init__(self, label: StrOrPromise, help_text: StrOrPromise, widget: GivenFiles, *, is_needed: bool) -> None:
        super().__init__(label=label, help_text=help_text, widget=widget, required=False, allow_empty_file=True)
        self.is_needed = is_needed


def source_fields(spec: ModelSpec) -> dict[str, forms.Field]:
    """Return what the videos are made from."""
    way = forms.ChoiceField(
        label=gettext_lazy("Make them from"),
        choices=[
            (PICTURES, gettext_lazy("Pictures")),
            (TABLE, gettext_lazy("A table")),
            (TAKES, gettext_lazy("One video")),
        ],
        initial=PICTURES,
        widget=Ways(),
    )
    first = next((item.help_text for item in spec.inputs if item.role == "first_frame"), "")
    pictures = GivenField(
        gettext_lazy("Pictures"),
        format_lazy(
            gettext_lazy("1 to 500 pictures, or one ZIP file with them; at most 2 GB together. {help}"),
            help=first,
        ),
        GivenFiles(PICTURES),
        is_needed=True,
    )
    table = GivenField(
        gettext_lazy("Table"),
        gettext_lazy("CSV or Excel (.xlsx), up to 5,000 rows, names of columns in the first row."),
        GivenFiles(TABLE),
        is_needed=True,
    )
    media = GivenField(
        gettext_lazy("Pictures of the table"),
        gettext_lazy("One ZIP file. Needed only if the table has names of files instead of links."),
        GivenFiles("media"),
        is_needed=False,
    )
    return {"way": way, "pictures": pictures, "table": table, "media": media}


def word_fields(spec: ModelSpec) -> dict[str, forms.Field]:
    """Return the words, and how many takes."""
    takes = forms.IntegerField(
        label=gettext_lazy("How many takes"),
        required=False,
        initial=4,
        min_value=1,
        max_value=MOST_TAKES,
        widget=forms.NumberInput(attrs={"step": 1}),
    )
    prompts = forms.CharField(
        label=gettext_lazy("Other words"),
        help_text=gettext_lazy(
            "One prompt in each line makes one take each; the number above then does not count. Empty: the same prompt "
            "every time, and each take still comes out differently."
        ),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField wv-notes", "dir": "auto"}),
    )
    prompt = PromptField(spec)
    prompt.label = gettext_lazy("Prompt for all")
    prompt.help_text = gettext_lazy(
        "Filled in for each video: {name} is the name of its file, {number} counts 1, 2, 3. In a table any column can be "
        "named in the same way, and a prompt in the table wins."
    )
    prompt.is_needed = False
    name = forms.CharField(
        label=gettext_lazy("Name of this batch"),
        help_text=gettext_lazy("So that you find it again. Empty: name of the file and date."),
        required=False,
        max_length=100,
    )
    return {"takes": takes, "prompts": prompts, "prompt": prompt, "name": name}


def choice_fields(spec: ModelSpec, presets: Mapping[str, Preset]) -> dict[str, forms.Field]:
    """Return model and preset; no preset where the person can use none."""
    names = [("", gettext_lazy("No preset")), *((slug, preset.name) for slug, preset in presets.items())]
    preset = forms.ChoiceField(
        label=gettext_lazy("Preset"),
        help_text=gettext_lazy("Fills in the prompt and the fields below. You can change them."),
        choices=names,
        required=False,
    )
    model = model_field(spec)
    return {"preset": preset, "model": model} if presets else {"model": model}


def fix_field() -> forms.Field:
    """Return whether pictures are made fit."""
    return forms.BooleanField(
        label=gettext_lazy("Make pictures fit"),
        help_text=gettext_lazy("A larger picture is sent smaller, as JPEG. Off: it is left out."),
        required=False,
        initial=True,
    )
