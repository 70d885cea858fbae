"""The files of a batch that is being prepared: stored as they come, so that nothing is lost by a refused form."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin.batches.forms.widgets import GivenFiles
from django_wanvideo.admin.forms.fields import file_name
from django_wanvideo.admin.forms.temporary_uploads import TemporaryUpload
from django_wanvideo.admin.presentation import formats
from django_wanvideo.batches import archives, files
from django_wanvideo.batches.given import PICTURES, TABLE, TAKES
from django_wanvideo.catalog import images
from django_wanvideo.choices import InputRole
from django_wanvideo.db import database
from django_wanvideo.models import Batch, BatchFile
from django_wanvideo.models.creation import files as stored

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.files.uploadedfile import UploadedFile
    from django.db.models import QuerySet
    from django.utils.datastructures import MultiValueDict

    from django_wanvideo.admin.batches.forms.make_many import MakeManyForm
    from django_wanvideo.catalog import ModelSpec

#: Pictures that are shown small; of more their number.
SHOWN = 11
#: Misfits that are named one by one.
NAMED = 3


@dataclass(frozen=True)
class Tile:
    """One small picture. ``problem`` is why it will be left out, empty where nothing stands against it."""

    name: str
    url: str
    problem: str


@dataclass(frozen=True)
class Shown:
    """What is there of one field."""

    words: str
    tiles: list[Tile] = field(default_factory=list)
    #: Pictures that are not shown small.
    rest: int = 0
    fit: int = 0
    misfits: list[Tile] = field(default_factory=list)
    unnamed: int = 0


def pictures_of(batch: Batch) -> QuerySet[BatchFile]:
    """Return what was given as pictures, in its order."""
    return BatchFile.objects.filter(batch=batch).exclude(pk=batch.settings.get("table")).order_by("pk")


def pictures_shown(batch: Batch, spec: ModelSpec, *, fix: bool, source: str = "") -> Shown | None:
    """Return how the pictures of a batch stand, those that do not fit the model first; ``None`` for none.

    Other files that came with a table are counted; what a row makes of them is found when it is checked.
    """
    given = list(pictures_of(batch))
    if not given:
        return None
    found = [item for item in given if not source or files.is_picture(item.name)]
    judged = [(item, problem_of(item, spec, fix=fix, of_table=bool(source))) for item in found]
    misfits = [Tile(item.name, "", problem) for item, problem in judged if problem]
    # Those first that will be left out; the sort keeps the order otherwise.
    first = sorted(judged, key=lambda pair: not pair[1])[:SHOWN]
    words = ngettext("%(n)s picture", "%(n)s pictures", len(found)) % {"n": len(found)} if found else ""
    if others := len(given) - len(found):
        words = ", ".join(
            filter(None, [words, ngettext("%(n)s other file", "%(n)s other files", others) % {"n": others}])
        )
    words = f"{words}, {formats.megabytes(sum(item.size for item in given))}"
    return Shown(
        f"{source}: {words}" if source else words,
        [Tile(item.name, stored.url_of(item.thumbnail), problem) for item, problem in first],
        max(len(found) - SHOWN, 0),
        len(found) - len(misfits),
        misfits[:NAMED],
        max(len(misfits) - NAMED, 0),
    )


def problem_of(item: BatchFile, spec: ModelSpec, *, fix: bool, of_table: bool = False) -> str:
    """Say why a model would not take a picture, as far as that is known without opening it again.

    Only a table can mean another one than the first frame; all pictures of a model have the same limits.
    """
    if not item.facts:
        return item.problem
    pictures = (one for one in spec.inputs if one.media == "image")
    wanted = next((one for one in pictures if of_table or one.role == InputRole.FIRST_FRAME), None)
    if wanted is None:
        return _("This model takes no pictures.")
    # What is too large to have been decoded when it came is decoded when it is checked.
    facts = images.ImageFacts(**{**item.facts, "is_decoded": True})
    if fix and images.size_to_send(facts, wanted) is not None:
        return ""
    try:
        images.check_image(facts, wanted)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def show(form: MakeManyForm) -> None:
    """Tell the file fields of a form what is there."""
    batch, way = form.batch, form.batch.settings.get("way")
    fix = bool(batch.settings.get("fix_inputs", True))
    shown: dict[str, Shown | None] = {}
    if way == PICTURES:
        shown["pictures"] = pictures_shown(batch, form.spec, fix=fix)
    elif way == TABLE:
        table = BatchFile.objects.filter(batch=batch, pk=batch.settings.get("table")).first()
        shown["table"] = Shown(f"{table.name}, {formats.megabytes(table.size)}") if table is not None else None
        shown["media"] = pictures_shown(batch, form.spec, fix=fix, source=batch.settings.get("media_name", ""))
    for name, known in form.fields.items():
        if isinstance(known.widget, GivenFiles):
            known.widget.shown = shown.get(name)
    if way == TAKES:
        for item in BatchFile.objects.filter(batch=batch):
            _show_take(form, item)


def _show_take(form: MakeManyForm, item: BatchFile) -> None:
    role, _slash, name = item.name.partition("/")
    if file_name(role) in form.fields:
        widget: Any = form.fields[file_name(role)].widget
        size = {"width": item.facts.get("width"), "height": item.facts.get("height"), "size": item.size}
        widget.present = TemporaryUpload(name, stored.url_of(item.file), **size)


def is_given(batch: Batch, way: str) -> bool:
    """Tell whether there is what a way needs: pictures, or a table."""
    if batch.settings.get("way") != way:
        return False
    return pictures_of(batch).exists() if way == PICTURES else bool(batch.settings.get("table"))


def inputs_of(batch: Batch) -> dict[str, Any]:
    """Return the files of takes by their roles, as rows name them."""
    if batch.settings.get("way") != TAKES:
        return {}
    names = BatchFile.objects.filter(batch=batch).values_list("name", flat=True)
    return {name.partition("/")[0]: name for name in names}


def take(
    batch: Batch, way: str, given: MultiValueDict[str, UploadedFile[bytes]], spec: ModelSpec
) -> dict[str, ValidationError]:
    """Store what came with a form for one way in; return what was refused, by the names of fields.

    Files of another way are forgotten: a batch is made from one.
    """
    refused: dict[str, ValidationError] = {}
    choose(batch, way)
    names = {PICTURES: ["pictures"], TABLE: ["table", "media"]}
    for name in names.get(way, [file_name(item.role.value) for item in spec.inputs]):
        for upload in given.getlist(name):
            try:
                with database.atomic():
                    _take(batch, name, upload)
            except ValidationError as error:
                refused[name] = error
    Batch.objects.filter(pk=batch.pk).update(settings=batch.settings)
    return refused


def choose(batch: Batch, way: str) -> None:
    """Let the files of a batch be those of one way in; those of another are forgotten."""
    if batch.settings.get("way") != way:
        forget(batch, BatchFile.objects.filter(batch=batch))
        batch.settings = batch.settings | {"way": way}
        Batch.objects.filter(pk=batch.pk).update(settings=batch.settings)


def forget(batch: Batch, rows: Iterable[BatchFile]) -> None:
    """Delete files of a batch, and what its settings say of them."""
    gone = set()
    for item in rows:
        gone.add(item.pk)
        item.delete()
    batch.settings = {name: value for name, value in batch.settings.items() if name != "table" or value not in gone}
    if not pictures_of(batch).exists():
        batch.settings.pop("media_name", None)
    Batch.objects.filter(pk=batch.pk).update(settings=batch.settings)


def _take(batch: Batch, name: str, upload: UploadedFile[bytes]) -> None:
    called = posixpath.basename((upload.name or "").replace("\\", "/")) or name
    if name == TABLE:
        item, before = files.add(batch, called, upload), batch.settings.get("table")
        batch.settings["table"] = item.pk
        # The same file, sent twice, is the same row.
        forget(batch, BatchFile.objects.filter(batch=batch, pk=before).exclude(pk=item.pk))
    elif name == "media":
        forget(batch, pictures_of(batch))
        _unpack(batch, called, upload)
    elif name == PICTURES:
        if called.lower().endswith(".zip"):
            _unpack(batch, called, upload)
        else:
            add_picture(batch, called, upload)
    else:
        role = name.removesuffix("_file")
        item = add_picture(batch, f"{role}/{called}", upload)
        forget(batch, BatchFile.objects.filter(batch=batch, name__startswith=f"{role}/").exclude(pk=item.pk))


def add_picture(batch: Batch, name: str, upload: UploadedFile[bytes]) -> BatchFile:
    """Store one picture. Raises ValidationError where there is no room for it."""
    files.check_room(batch, upload.size or 0)
    return files.add(batch, name, upload)


def _unpack(batch: Batch, name: str, upload: UploadedFile[bytes]) -> None:
    archives.unpack(batch, upload)
    # Beside what was given before, which the archive knows nothing of.
    files.check_room(batch, 0, count=0)
    batch.settings["media_name"] = name
