"""Checks of the models that the site offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from django_wanvideo import catalog
from django_wanvideo.catalog import entries
from django_wanvideo.conf import conf

if TYPE_CHECKING:
    from collections.abc import Iterator


def offered() -> Iterator[CheckMessage]:
    """Judge ``MODELS`` and ``DEFAULT_MODEL``."""
    hint = "Give the dotted path of a function that takes EvoLink's models and returns those that this site offers."
    try:
        here = catalog.models()
    except ImproperlyConfigured as error:
        yield Error(str(error), hint=hint, id="wanvideo.E015")
        return
    ids = [spec.id for spec in here]
    problems = [f"{model} is there twice" for model in sorted(set(ids)) if ids.count(model) > 1]
    problems += [f"{spec.id}: {problem}" for spec in here for problem in entries.problems(spec)]
    if problems:
        yield Error(f"WANVIDEO['MODELS'] gives wrong models: {'; '.join(problems)}.", hint=hint, id="wanvideo.E015")
    if conf.DEFAULT_MODEL not in ids:
        yield Error(
            f"WANVIDEO['DEFAULT_MODEL'] is {conf.DEFAULT_MODEL!r}, which this site does not offer.",
            hint="Known models: " + ", ".join(ids),
            id="wanvideo.E012",
        )
