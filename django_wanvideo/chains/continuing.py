"""Going on from a stored video: a draft that begins with its last frame or, where a model can, with the clip itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.utils.translation import gettext as _
from rq.timeouts import BaseTimeoutException

from django_wanvideo import catalog
from django_wanvideo.choices import InputRole, Purpose, TaskStatus
from django_wanvideo.exceptions import ConfigurationError, TransitionNotAllowed
from django_wanvideo.models.creation import addresses, creation, files
from django_wanvideo.models.input import by_role
from django_wanvideo.services.storing import posters

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.catalog import ModelSpec
    from django_wanvideo.catalog.inputs import Fix
    from django_wanvideo.models import VideoTask

logger = logging.getLogger(__name__)

#: What belongs to the video that is there, and not to what comes after it.
_NOT_CARRIED = frozenset({InputRole.FIRST_FRAME, InputRole.LAST_FRAME, InputRole.SOURCE_VIDEO, InputRole.AUDIO})


def can_continue(task: VideoTask, *, with_clip: bool = False) -> bool:
    """Tell whether a task has a video that can be gone on from here, by its last frame or by the clip itself."""
    if not _is_stored(task) or _model_for(task, with_clip=with_clip) is None:
        return False
    return _is_sendable(task) if with_clip else posters.is_installed()


def continue_with(
    task: VideoTask, *, by: AbstractBaseUser | None = None, with_clip: bool = False, **changes: Any
) -> VideoTask:
    """Do what ``VideoTask.continue_with`` does."""
    return get_or_continue(task, by=by, with_clip=with_clip, **changes)[0]


def get_or_continue(
    task: VideoTask, *, by: AbstractBaseUser | None = None, with_clip: bool = False, **changes: Any
) -> tuple[VideoTask, bool]:
    """Do what ``continue_with`` does, and tell whether the draft was made now; with ``idempotency_key`` it may be there."""
    spec = catalog.get(changes["model"]) if changes.get("model") else _model_for(task, with_clip=with_clip)
    if spec is None:
        message = _("No model of this site can go on from this video.")
        raise ValidationError({"model": ValidationError(message, "no_model")})
    if not _is_stored(task):
        message = _("Only a stored video can be gone on from; this task has none.")
        raise TransitionNotAllowed(message, status=task.status, action="continue_with")
    role = InputRole.SOURCE_VIDEO if with_clip else InputRole.FIRST_FRAME
    carried = {name: items for name, items in _carried(task).items() if spec.has_role(name)}
    whole: dict[str, Any] = {"prompt": task.prompt, "metadata": task.metadata} | carried
    whole |= _parameters(task, spec, {*carried, role.value}, changes) | changes
    if with_clip and "duration" not in changes:
        whole |= _longer(task, spec)
    whole |= {"model": spec.id, role.value: task.video if with_clip else last_frame(task)}
    owner = by if by is not None else task.owner
    fix: Fix = False if with_clip else "images"
    return creation.get_or_create_task(owner=owner, by=by, parent=task, continues_id=task.pk, fix_inputs=fix, **whole)


def last_frame(task: VideoTask) -> ContentFile[bytes]:
    """Return the last frame of a stored video as a picture, decoded by a process beside this one.

    Raises:
        ValidationError: at ``first_frame``; the video cannot be read, or not decoded.
        ConfigurationError: the extra ``posters`` is not installed.
    """
    if not posters.is_installed():
        raise ConfigurationError(_("Going on from a video needs: pip install 'django-wanvideo[posters]'"))
    try:
        return ContentFile(posters.last_frame(task), name="last-frame.jpg")
    except BaseTimeoutException:
        raise
    except Exception as error:
        # Every storage has errors of its own, and a video may be anything.
        logger.warning("The last frame of the video of task %s cannot be read. (%s)", task.pk, files.brief(error))
        message = _(
            "The last frame of this video cannot be read just now. Try again in a few minutes; if it stays so, pause the "
            "video at its end, save the picture and make a video from that."
        )
        raise ValidationError({"first_frame": ValidationError(message, "unreadable")}) from error


def _is_stored(task: VideoTask) -> bool:
    return task.status == TaskStatus.COMPLETED and bool(task.video)


def _carried(task: VideoTask) -> dict[str, list[Any]]:
    """Return the inputs that stay what they are, such as pictures of who is seen, by role."""
    return {role: items for role, items in by_role(task.inputs.all()).items() if role not in _NOT_CARRIED}


def _is_sendable(task: VideoTask) -> bool:
    """Tell whether EvoLink can read a copy of the video, and the clip is one that is gone on from."""
    try:
        addresses.check_sendable()
    except ValidationError:
        return False
    spec, seconds = _model_for(task, with_clip=True), task.parameters.get("duration")
    limits = spec.input(InputRole.SOURCE_VIDEO) if spec is not None else None
    if limits is None or not isinstance(seconds, int):
        return False
    return (limits.min_seconds or 0) <= seconds <= (limits.max_seconds or seconds)


def _longer(task: VideoTask, spec: ModelSpec) -> dict[str, Any]:
    """Return a length for a video that begins with the clip: as much again, or as much as the model makes."""
    seconds, longest = task.parameters.get("duration"), spec.parameter("duration").maximum
    return {"duration": min(2 * seconds, longest or 2 * seconds)} if isinstance(seconds, int) and seconds > 0 else {}


def _model_for(task: VideoTask, *, with_clip: bool = False) -> ModelSpec | None:
    """Return the task's own model, or that of the same family which goes on from a last frame, or from a clip."""
    roles = {InputRole.FIRST_FRAME.value, *_carried(task)}
    if with_clip:
        able = [spec for spec in catalog.models() if Purpose.CONTINUE in spec.purposes]
    else:
        able = [spec for spec in catalog.models() if _takes(spec, roles)]
    words = set(task.model.split("-"))
    # Names of one family have the most words in common.
    return min(able, key=lambda spec: len(words.symmetric_difference(spec.id.split("-"))), default=None)


def _takes(spec: ModelSpec, roles: Collection[str]) -> bool:
    """Tell whether a model makes videos from a first frame and no more than ``roles``."""
    required = {item.role.value for item in spec.inputs if item.required}
    known = {*roles, "prompt"}
    is_enough = required <= known and all(known.intersection(one.names) for one in spec.one_of)
    return spec.has_role(InputRole.FIRST_FRAME) and is_enough


def _parameters(task: VideoTask, spec: ModelSpec, roles: Collection[str], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the task's parameters, less what the model does not take or what a rule forbids beside a first frame."""
    found: dict[str, Any] = {}
    for parameter in spec.parameters:
        name, value = parameter.name, task.parameters.get(parameter.name)
        if value is None or name in changes or parameter.follows_inputs:
            continue
        try:
            found[name] = parameter.clean(value)
        except ValidationError:
            # The other model's own default instead.
            continue
    effective = spec.effective_values(found | dict(changes)) | {
        item.role.value: item.role in roles for item in spec.inputs
    }
    broken = {rule.parameter for rule in spec.rules if rule.is_broken(found, effective)}
    return {name: value for name, value in found.items() if name not in broken}
