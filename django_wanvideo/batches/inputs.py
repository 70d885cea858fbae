"""The inputs of a row: which files and links it means, and whether the model takes them."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.catalog import MediaFacts, images, text
from django_wanvideo.choices import InputRole
from django_wanvideo.models import BatchFile, MediaInput
from django_wanvideo.models.creation import inspection
from django_wanvideo.models.creation.validation import as_list

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_wanvideo.batches import wording
    from django_wanvideo.catalog import ModelSpec

ROLES = tuple(InputRole.values)


def sources_of(
    spec: ModelSpec, row: Mapping[str, Any], resolve: Callable[[str], Any] | None, found: wording.Problems
) -> dict[str, list[Any]]:
    """Return a row's inputs by role; names of files become the files."""
    sources: dict[str, list[Any]] = {}
    for role in ROLES:
        value = row.get(role)
        items = as_list(value.strip() if isinstance(value, str) else value)
        if isinstance(value, str) and spec.has_role(role) and spec.input(role).max_items > 1:
            # One in each line of the cell.
            items = list(text.lines(value))
        if role in found.columns:
            items, value = [], None
            sources |= {role: [None]} if spec.has_role(role) else {}
        resolved = []
        for item in items:
            try:
                is_name = isinstance(item, str) and "://" not in item
                resolved.append(_file(item, resolve) if is_name else item)
            except ValidationError as error:
                found.add(role, error.error_list[0])
        if resolved:
            sources[role] = resolved
        elif items and spec.has_role(role):
            # It is said what is wrong with it; that it is missing would be said in vain.
            sources[role] = [None]
    return sources


def _file(name: str, resolve: Callable[[str], Any] | None) -> Any:
    if resolve is None:
        message = _(
            "“%(name)s” is the name of a file, but no files were given. Give a link, which begins with https://."
        )
        raise ValidationError(message, code="no_files", params={"name": name})
    return resolve(name)


def inputs_of(
    spec: ModelSpec, sources: Mapping[str, list[Any]], found: wording.Problems, *, fix: bool
) -> list[tuple[MediaInput, Any]]:
    """Return unsaved inputs, each with what it was made from."""
    inputs = []
    for role, items in sources.items():
        if role in found.columns or not spec.has_role(role):
            continue
        wanted = spec.input(role)
        for position, source in enumerate(items):
            try:
                if isinstance(source, BatchFile) and wanted.media != "image":
                    item = _of_media(spec, role, source, position)
                elif isinstance(source, BatchFile):
                    item = _of_file(wanted, source, position, fix=fix)
                else:
                    [item] = inspection.inspect(spec, {role: [source]}, fix=fix)
                    item.position = position
            except ValidationError as error:
                for problem in error.error_dict[role] if hasattr(error, "error_dict") else error.error_list:
                    found.add(role, problem)
            else:
                inputs.append((item, source))
    return inputs


def _of_file(wanted: catalog.InputSpec, source: BatchFile, position: int, *, fix: bool) -> MediaInput:
    """Return an input that refers to a file that is stored already, judged by what it was found to be."""
    if not source.facts:
        raise _problem_of(source)
    facts = images.ImageFacts(**source.facts)
    if not facts.is_decoded and max(facts.width, facts.height) <= (wanted.max_side or 0):
        # When it came, nobody knew that a model takes pictures of its size.
        with source.file.storage.open(str(source.file.name), "rb") as content:
            facts = images.inspect_image(content, convertible=True, spec=wanted)
    item = MediaInput(role=wanted.role, position=position, sha256=source.sha256, size=source.size)
    item.width, item.height, item.content_type = facts.width, facts.height, f"image/{facts.format.lower()}"
    item.file, item.thumbnail = source.file.name, source.thumbnail.name
    try:
        images.check_image(facts, wanted)
    except ValidationError:
        if not fix:
            raise
        with source.file.storage.open(str(source.file.name), "rb") as content:
            item.sent_width, item.sent_height = images.fit(content, facts, wanted)
    return item


def _of_media(spec: ModelSpec, role: str, source: BatchFile, position: int) -> MediaInput:
    """Return an input that refers to a stored clip, sound or document, which is measured once for all rows."""
    known: dict[tuple[str, str], MediaInput | ValidationError] = vars(source).setdefault("_wanvideo_measured", {})
    key = (spec.id, role)
    if key not in known:
        try:
            [known[key]] = inspection.inspect(spec, {role: [source.file]})
        except ValidationError as error:
            known[key] = error
    found = known[key]
    if isinstance(found, ValidationError):
        raise found
    item = MediaInput(role=role, position=position, sha256=source.sha256)
    item.facts, item.file = found.facts, source.file.name
    return item


def _problem_of(source: BatchFile) -> ValidationError:
    """Return what is wrong with a file that is no picture, by looking at it once more: its row has only the words."""
    if source.file:
        try:
            with source.file.storage.open(str(source.file.name), "rb") as content:
                images.inspect_image(content, convertible=True)
        except ValidationError as error:
            return error
        except OSError:
            # The storage does not give it; what was said of it when it came still holds.
            pass
    return ValidationError(source.problem, code="unusable")


def as_json(item: MediaInput, source: Any) -> dict[str, Any]:
    described: dict[str, Any] = {"role": item.role, "position": item.position}
    if item.url:
        return described | {"url": item.url}
    if isinstance(source, BatchFile):
        described["file"] = source.pk
    if catalog.media_type_for(item.role) != "image":
        described["facts"] = dataclasses.asdict(item.facts) | {"seconds": item.seconds and str(item.seconds)}
    return described | {"sha256": item.sha256, "sent": item.sent_size}


def facts_from(described: Mapping[str, Any]) -> MediaFacts:
    """Read what ``as_json`` says was measured of a clip, sound or document."""
    seconds = described["seconds"]
    return MediaFacts(**{**described, "seconds": None if seconds is None else Decimal(seconds)})
