"""One row of a batch, checked as ``create_task`` would check it."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError

from django_wanvideo import catalog
from django_wanvideo.batches import inputs, wording
from django_wanvideo.batches.given import GivenRow
from django_wanvideo.catalog import json_values
from django_wanvideo.catalog import media as catalog_media
from django_wanvideo.catalog.validation import BESIDE_PARAMETERS, FAMILY_PARAMETERS
from django_wanvideo.conf import conf
from django_wanvideo.models import BatchFile, MediaInput
from django_wanvideo.models.batches import placeholders
from django_wanvideo.models.creation import idempotency, validation
from django_wanvideo.models.creation.validation import Written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_wanvideo.catalog import ModelSpec
    from django_wanvideo.models import Preset

#: What a row may have beside inputs and parameters.
COLUMNS = ("prompt", "model", "notes", "metadata", "idempotency_key", "name")


@dataclass(frozen=True)
class Common:
    """What holds for all rows that do not say otherwise themselves.

    ``resolve`` gives the file that a row names, or raises ValidationError; without it names of files are refused.
    """

    model: str = ""
    prompt: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    preset: Preset | None = None
    fix_inputs: bool = False
    resolve: Callable[[str], Any] | None = None

    def spec(self, row: Mapping[str, Any]) -> ModelSpec:
        """Return the model of a row. Raises ValidationError at ``model``."""
        preset = self.preset.model if self.preset is not None else ""
        return catalog.get(row.get("model") or self.model or preset or conf.DEFAULT_MODEL)

    def template(self, row: Mapping[str, Any]) -> str:
        """Return the prompt of a row, before names are filled in."""
        own = row.get("prompt")
        preset = self.preset.prompt if self.preset is not None else ""
        return own if isinstance(own, str) and own.strip() else self.prompt or preset

    def values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a row: its own before those for all before the preset's."""
        preset = self.preset.parameters if self.preset is not None else {}
        skipped = {*inputs.ROLES, *COLUMNS, *(row.unused if isinstance(row, GivenRow) else ())}
        own = {
            name: value
            for name, value in row.items()
            if name not in skipped and not str(name).startswith("metadata.") and not _is_empty(value)
        }
        return {**preset, **self.parameters, **own}


@dataclass(slots=True)
class CheckedRow:
    """A row as it was understood. ``content`` is empty where it has problems."""

    number: int
    problems: list[wording.Problem]
    content: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""
    credits: Decimal = Decimal(0)
    #: Inputs whose files are not stored yet.
    fresh: list[MediaInput] = field(default_factory=list)


def check(number: int, row: Mapping[str, Any], common: Common) -> CheckedRow:
    """Check one row. ``number`` is the one that people know it by, from 1.

    Problems with what is in no cell, such as a missing picture, stand at the column that it would be in.
    """
    found = wording.Problems(number, row)
    template = common.template(row)
    asked = set(placeholders.names(template))
    _take_over(row, asked, found)
    if "" in found.columns:
        # Its cells are not where they should be; more would be said of it in vain.
        return CheckedRow(number, found.problems)
    try:
        spec = common.spec(row)
    except ValidationError as error:
        found.add_all(error.error_dict)
        return CheckedRow(number, found.problems)
    found.spec = spec
    sources = inputs.sources_of(spec, row, common.resolve, found)
    prompt = _filled(template, row, number, sources, found) if "prompt" not in found.columns else template
    parameters = _parsed(spec, _without_own(spec, common.values(row), asked), found)
    written = Written.of(prompt, row.get("notes"), _metadata(row))
    key = row.get("idempotency_key") or None
    if (problem := idempotency.key_problem(key)) is not None and "idempotency_key" not in found.columns:
        found.add("idempotency_key", problem)
    found.add_all(written.errors | validation.misspelled(spec, parameters))
    cleaned: dict[str, Any] = {}
    try:
        cleaned = catalog.clean(spec, prompt=written.prompt, parameters=parameters, inputs=sources)
    except ValidationError as error:
        found.add_all(error.error_dict)
    media = inputs.inputs_of(spec, sources, found, fix=common.fix_inputs)
    facts = validation.facts_of(item for item, _source in media)
    try:
        catalog_media.check(spec, facts, cleaned or {**parameters, **dict.fromkeys(found.columns, "")})
    except ValidationError as error:
        found.add_all(error.error_dict)
    if found.problems:
        return CheckedRow(number, found.problems)
    content = {
        "model": spec.id,
        "prompt": written.prompt,
        "parameters": cleaned,
        "notes": written.notes,
        "metadata": written.metadata,
        "key": key,
        "inputs": [inputs.as_json(item, source) for item, source in media],
    }
    fresh = [item for item, source in media if not isinstance(source, BatchFile) and not item.url]
    return CheckedRow(number, [], content, _digest(spec, content), catalog.estimate(spec, cleaned, facts), fresh)


def _take_over(row: Mapping[str, Any], asked: set[str], found: wording.Problems) -> None:
    """Add what a table's reader has found; nothing is wrong with cells that nothing reads."""
    if isinstance(row, GivenRow):
        for column, error in row.problems:
            if column not in row.unused or column in asked:
                found.add(column, error)


def names_of(row: Mapping[str, Any], number: int, source: Any = None) -> dict[str, Any]:
    """Return what a prompt can name in a row: its columns, ``number``, and ``name``, the picture's where there is none."""
    given = {str(name): value for name, value in row.items() if isinstance(value, (str, int, float, Decimal))}
    return {"name": placeholders.stem(source), **given, "number": number}


def _filled(
    template: str, row: Mapping[str, Any], number: int, sources: Mapping[str, list[Any]], found: wording.Problems
) -> str:
    first = next((items[0] for items in sources.values() if items), None)
    try:
        return placeholders.fill(template, names_of(row, number, first))
    except ValidationError as error:
        for problem in error.error_list:
            found.add("prompt", problem)
        return template


def _without_own(spec: ModelSpec, values: Mapping[str, Any], asked: set[str]) -> dict[str, Any]:
    """Leave out columns of the site's own, which prompts may name; one that is nearly a known name is a slip."""
    known = _known(spec)
    everything = [*known, *FAMILY_PARAMETERS, *BESIDE_PARAMETERS, *validation.COLUMNS, *COLUMNS, *inputs.ROLES]
    return {
        name: value
        for name, value in values.items()
        if name in known
        or name in FAMILY_PARAMETERS
        or (name not in asked and difflib.get_close_matches(name, everything, n=1, cutoff=0.75))
    }


def _known(spec: ModelSpec) -> set[str]:
    return {item.name for item in spec.parameters}


def _parsed(spec: ModelSpec, values: Mapping[str, Any], found: wording.Problems) -> dict[str, Any]:
    """Return parameters in their own types; text is read as a cell of a table is."""
    parsed = {}
    for name, value in values.items():
        if name in found.columns:
            continue
        try:
            is_cell = isinstance(value, str) and name in _known(spec)
            parsed[name] = spec.parameter(name).parse(value) if is_cell else value
        except ValidationError as error:
            found.add(name, error)
    return parsed


def _digest(spec: ModelSpec, content: Mapping[str, Any]) -> str:
    """Return a hash of what is asked for: the same wish has the same, wherever its files were given."""
    media = [[item["role"], item["position"], item.get("url") or item["sha256"]] for item in content["inputs"]]
    wish = [spec.id, content["prompt"], spec.effective_values(content["parameters"]), media]
    return hashlib.sha256(json.dumps(wish, sort_keys=True).encode()).hexdigest()


def _metadata(row: Mapping[str, Any]) -> Any:
    """Return the metadata of a row, whose columns may be called ``metadata.sku``."""
    own = {
        str(name).removeprefix("metadata."): value
        for name, value in row.items()
        if str(name).startswith("metadata.") and not _is_empty(value)
    }
    whole = row.get("metadata") or {}
    if isinstance(whole, str):
        # What is no JSON is refused with the rest.
        with contextlib.suppress(ValidationError):
            whole = json_values.read(whole)
    return {**whole, **own} if isinstance(whole, dict) else whole


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
