"""A plan of many tasks: all rows checked, nothing stored, until ``create`` makes a batch of it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import itertools
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.batches import files, given, making, rows, tables
from django_wanvideo.batches.rows import CheckedRow, Common
from django_wanvideo.choices import BatchState
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.models import Batch, BatchItem
from django_wanvideo.models.creation.presets import find_preset
from django_wanvideo.services.limits import credit_limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import Unpack

    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.models import Preset
    from django_wanvideo.models.creation.validation import TaskOptions

#: Problems that a plan keeps; of more it only knows the number.
MOST_PROBLEMS = 1000
#: Rows that are written, or asked about, at a time.
CHUNK = 500
#: How long what was checked is kept for somebody to confirm it.
KEPT = dt.timedelta(hours=24)


class RowProblem(NamedTuple):
    """One thing that is wrong with one row; ``row`` counts from 1."""

    row: int
    field: str
    message: str


@dataclass
class Plan:
    """What ``plan`` has found. Credits are those of all good rows, those that were made before included."""

    rows: Iterable[Mapping[str, Any]]
    common: Common
    name: str
    owner: AbstractBaseUser | None
    problems: list[RowProblem] = field(default_factory=list)
    credits_estimated: Decimal = Decimal(0)
    #: Rows in all, and those that are right.
    count: int = 0
    good: int = 0
    problem_count: int = 0
    #: Numbers of rows that were made before, by any batch.
    repeats: set[int] = field(default_factory=set)
    #: Hashes of what the good rows ask for.
    contents: set[str] = field(default_factory=set)
    #: Credits of the good rows without those.
    credits_of_new: Decimal = Decimal(0)
    #: What is odd and holds nothing back: columns that nothing uses, rows that are the same.
    warnings: list[str] = field(default_factory=list)
    #: Of the good rows: hashes of their content, to see whether they are the same when they are read again.
    _seen: dict[int, str] = field(default_factory=dict)
    #: Good rows whose inputs are links, ready to be written.
    _ready: dict[int, CheckedRow] = field(default_factory=dict)

    @property
    def bad(self) -> int:
        """Rows that something is wrong with."""
        return self.count - self.good

    def check(self) -> None:
        """Check all rows, and keep what has to be known of them."""
        same, prices = given.Repeats(), dict[int, Decimal]()
        for number, row in given.numbered(self.rows):
            self.count += 1
            checked = rows.check(number, row, self.common)
            if checked.problems:
                self.problem_count += len(checked.problems)
                left = MOST_PROBLEMS - len(self.problems)
                self.problems += [RowProblem(number, item.column, str(item)) for item in checked.problems[:left]]
                continue
            self.good += 1
            self.credits_estimated += checked.credits
            self._seen[number], prices[number] = checked.sha256, checked.credits
            same.add(checked)
            if not checked.fresh:
                self._ready[number] = checked
        self.contents = set(self._seen.values())
        known = making.known_contents(self.contents)
        self.repeats = {number for number, sha256 in self._seen.items() if sha256 in known}
        self.credits_of_new = sum((prices[number] for number in prices.keys() - self.repeats), Decimal(0))
        self.warnings = [*(self.rows.table.warnings if isinstance(self.rows, tables.Rows) else ()), *same.warnings()]

    def create(self, *, by: AbstractBaseUser | None = None, skip_problems: bool = False, again: bool = False) -> Batch:
        """Make a batch of the plan, and a draft of each good row; nothing is sent.

        What is interrupted is gone on with by the sweep, once all rows are stored.

        Args:
            by: who makes it, for the histories; the owner otherwise.
            skip_problems: leave out rows that something is wrong with instead of refusing them all.
            again: also make rows that were made before.

        Raises:
            ValidationError: rows have problems, or are not any more what was checked.
        """
        if self.problem_count and not skip_problems:
            message = _("%(bad)s of %(count)s rows cannot be made. The first: row %(row)s, %(field)s: %(message)s")
            values = {"bad": self.bad, "count": self.count, **self.problems[0]._asdict()}
            raise ValidationError(message % values, code="problems")
        batch = Batch(name=self.name, owner_id=self.owner.pk if self.owner is not None else None)
        batch.preset = self.common.preset
        batch.settings = settings_of(self.common) | {"again": again}
        if isinstance(self.rows, tables.Rows):
            self.rows.table.note(batch)
        # Until all rows are stored nobody can confirm it.
        batch.state, batch.expires_at = BatchState.UPLOADING, timezone.now() + KEPT
        batch.next_action_at = batch.expires_at
        batch.save(force_insert=True)
        for chunk in chunked(self._checked(batch)):
            store(batch, chunk)
        batch.state = BatchState.CHECKED
        batch.save(update_fields=["state"])
        making.confirm(batch, by=by if by is not None else self.owner)
        making.make_all(batch)
        return batch

    def _checked(self, batch: Batch) -> Iterator[tuple[Mapping[str, Any], CheckedRow]]:
        """Yield each row with what is written of it; files are read once more and stored."""
        for number, row in given.numbered(self.rows):
            checked = self._ready.get(number) or rows.check(number, row, self.common)
            if checked.sha256 != self._seen.get(number, ""):
                message = _("Row %(row)s is not any more what was checked. Plan it again.") % {"row": number}
                raise ValidationError(message, code="changed")
            if checked.fresh:
                files.keep(batch, checked)
            yield row, checked


def plan(
    rows: Iterable[Mapping[str, Any]],
    *,
    name: str,
    owner: AbstractBaseUser | None = None,
    preset: Preset | str | None = None,
    prompt: str = "",
    model: str | None = None,
    media: Path | None = None,
    fix_inputs: bool = False,
    **parameters: Unpack[TaskOptions],
) -> Plan:
    """Check all rows as ``create_task`` would; nothing is stored, sent or charged.

    Args:
        rows: mappings with ``create_task``'s names, iterable more than once. A prompt may name any column of its row:
            ``{name}``, ``{number}``; text stands for numbers and yes or no as in the cells of a table.
        preset: or its short name; the owner's own is found before one for everyone.
        prompt: for rows that have none.
        model: for rows that name none.
        media: the folder that names of files are in; nothing outside of it is read.
        fix_inputs: as for ``create_task``.
        parameters: for rows that do not say otherwise.

    Raises:
        ValidationError: there is no such preset, or ``rows`` can be read only once.
    """
    if iter(rows) is rows:
        raise ValidationError(_("Give rows that can be read more than once: a list, not a generator."), code="once")
    common = Common(
        model=model or "",
        prompt=prompt,
        parameters=dict(parameters),
        preset=find_preset(preset, owner),
        fix_inputs=fix_inputs,
        resolve=files.Folder(media).find if media is not None else None,
    )
    made = Plan(rows, common, name, owner)
    made.check()
    return made


def store(batch: Batch, chunk: list[tuple[Mapping[str, Any], CheckedRow]]) -> None:
    """Write some rows of a batch."""
    known = making.known_contents(checked.sha256 for _row, checked in chunk)
    BatchItem.objects.bulk_create(
        BatchItem(
            batch=batch,
            number=checked.number,
            data=given.describe(row),
            problems=[problem.as_dict() for problem in checked.problems],
            content=checked.content,
            content_sha256=checked.sha256,
            credits_estimated=None if checked.problems else checked.credits,
            is_repeat=checked.sha256 in known,
        )
        for row, checked in chunk
    )


def settings_of(common: Common) -> dict[str, Any]:
    """Return what was chosen for all rows, as JSON."""
    parameters = given.describe(common.parameters)
    return {
        "model": common.model,
        "prompt": common.prompt,
        "parameters": parameters,
        "fix_inputs": common.fix_inputs,
    }


def terms(models: Iterable[str], preset: Preset | None, owner_id: Any) -> str:
    """Return a hash of what a check depends on beside its rows: prices, limits on credits, and the preset."""
    prices = sorted((model, repr(dataclasses.astuple(catalog.get(model).price))) for model in set(models))
    try:
        limits = [repr(limit) for limit in credit_limits.limits_for(owner_id)]
    except ConfigurationError:
        limits = ["unreadable"]
    used = [preset.pk, preset.model, preset.prompt, preset.parameters] if preset is not None else []
    return hashlib.sha256(json.dumps([prices, limits, used], sort_keys=True).encode()).hexdigest()


def chunked(items: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield some items at a time."""
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, CHUNK)):
        yield chunk
