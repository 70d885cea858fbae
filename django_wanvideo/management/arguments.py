"""What a command line asks for, turned into a draft."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth import get_user_model
from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist, ValidationError
from django.core.management.base import CommandError

from django_wanvideo import catalog
from django_wanvideo.choices import InputRole
from django_wanvideo.conf import conf
from django_wanvideo.models import VideoTask
from django_wanvideo.models.creation.presets import find_preset

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import AbstractBaseUser

#: The exit code for input that is wrong; argparse uses the same.
BAD_INPUT = 2


def name_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"write NAME=VALUE, not {text!r}")
    return name.strip(), value.strip()


def number(least: float, most: float, wanted: str) -> Callable[[str], float]:
    """Return the type of an argument that is a number between both; ``wanted`` says it in words."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"give {wanted}, not {text!r}")
        return value

    return parse


def confirmed(question: str) -> bool:
    """Ask on the terminal; nobody there means no."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
    except (EOFError, KeyboardInterrupt, OSError):
        return False


def owner(username: str | None) -> AbstractBaseUser | None:
    if username is None:
        return None
    users = get_user_model()
    manager = users._default_manager  # noqa: SLF001 - Django's documented model API
    # The manager of a user model need not be one of Django's.
    find = getattr(manager, "get_by_natural_key", lambda name: manager.get(**{users.USERNAME_FIELD: name}))
    try:
        return cast("AbstractBaseUser", find(username))
    except (ObjectDoesNotExist, ValidationError, ValueError):
        raise CommandError(f"There is no user {username!r}.", returncode=BAD_INPUT) from None


def create_task_from_options(options: dict[str, Any], owner: AbstractBaseUser | None) -> VideoTask:
    try:
        preset = find_preset(options.get("preset"), owner)
        spec = catalog.get(options["model"] or (preset.model if preset is not None else conf.DEFAULT_MODEL))
        values: dict[str, Any] = {}
        for name, text in options["param"]:
            try:
                values[name] = spec.parameter(name).parse(text)
            except (KeyError, ValidationError):
                # Refused below, together with all that is wrong besides.
                values[name] = text
        for role, source in _sources(options).items():
            values[role] = [_source(text) for text in source]
        values |= {"model": spec.id, "preset": preset, "owner": owner}
        fix_inputs = options.get("fix_inputs", False)
        task: VideoTask = VideoTask.objects.create_task(options["prompt"] or "", fix_inputs=fix_inputs, **values)
    except ValidationError as error:
        raise CommandError(_list_of(error), returncode=BAD_INPUT) from None
    return task


def _sources(options: dict[str, Any]) -> dict[str, list[str]]:
    given = list(options["input"])
    if options["image"]:
        given.insert(0, (InputRole.FIRST_FRAME.value, options["image"]))
    sources: dict[str, list[str]] = {}
    for role, text in given:
        if role not in InputRole.values:
            known = ", ".join(InputRole.values)
            raise CommandError(f"There is no input {role!r}. Known: {known}.", returncode=BAD_INPUT)
        sources.setdefault(role, []).append(text)
    return sources


def _source(text: str) -> str | Path:
    if "://" in text:
        return text
    path = Path(text)
    if not path.is_file():
        raise CommandError(f"There is no file {text}. A link begins with https://.", returncode=BAD_INPUT)
    return path


def _list_of(error: ValidationError) -> str:
    """Return every problem on a line, with the field it is about."""
    if not hasattr(error, "error_dict"):
        return "\n".join(error.messages)
    lines = []
    for name, messages in error.message_dict.items():
        before = "" if name == NON_FIELD_ERRORS else f"{name}: "
        lines += [f"{before}{message}" for message in messages]
    return "\n".join(lines)
