"""Going on from a stored video: a draft whose first frame is the last one that the video shows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.utils.translation import gettext as _
from rq.timeouts import BaseTimeoutException

from django_wanvideo import catalog
from django_wanvideo.choices import InputRole, TaskStatus
from django_wanvideo.exceptions import ConfigurationError, TransitionNotAllowed
from django_wanvideo.models.creation import creation, files
from django_wanvideo.models.input import by_role
from django_wanvideo.services.storing import posters

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.catalog import ModelSpec
    from django_wanvideo.models import VideoTask

logger = logging.getLogger(__name__)

#: What belongs to the video that is there, and not to what comes after it.
_NOT_CARRIED = frozenset({InputRole.FIRST_FRAME, InputRole.LAST_FRAME, InputRole.SOURCE_VIDEO, InputRole.AUDIO})


def can_continue(task: VideoTask) -> bool:
    """Tell whether a task has a video that can be gone on from here."""
    return _is_stored(task) and posters.is_installed() and _model_for(task) is not None


def continue_with(task: VideoTask, *, by: AbstractBaseUser | None = None, **changes: Any) -> VideoTask:
    """Do what ``VideoTask.continue_with`` does."""
    return get_or_continue(task, by=by, **changes)[0]


def get_or_continue(task: VideoTask, *, by: AbstractBaseUser | None = None, **changes: Any) -> tuple[VideoTask, bool]:
    """Do what ``continue_with`` does, and tell whether the draft was made now; with ``idempotency_key`` it may be there."""
    spec = catalog.get(changes["model"]) if changes.get("model") else _model_for(task)
    if spec is None:
        message = _("No model of this site takes a first frame, so no video can be gone on from.")
        raise ValidationError({"model": ValidationError(message, "no_first_frame")})
    carried = {role: items for role, items in _carried(task).items() if spec.has_role(role)}
    whole: dict[str, Any] = {"prompt": task.prompt, "metadata": task.metadata} | carried
    whole |= _parameters(task, spec, {*carried, InputRole.FIRST_FRAME.value}, changes) | changes | {"model": spec.id}
    owner = by if by is not None else task.owner
    return creation.get_or_create_task(
        owner=owner, by=by, parent=task, continues_id=task.pk, first_frame=last_frame(task), fix_inputs=True, **whole
    )


def last_frame(task: VideoTask) -> ContentFile[bytes]:
    """Return the last frame of a stored video as a picture, decoded by a process beside this one.

    Raises:
        ValidationError: at ``first_frame``; the video cannot be read, or not decoded.
        TransitionNotAllowed: there is no stored video.
        ConfigurationError: the extra ``posters`` is not installed.
    """
    if not _is_stored(task):
        message = _("Only a stored video can be gone on from; this task has none.")
        raise TransitionNotAllowed(message, status=task.status, action="continue_with")
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


def _model_for(task: VideoTask) -> ModelSpec | None:
    """Return the task's own model, or that of the same family which takes a first frame beside what is carried."""
    roles = {InputRole.FIRST_FRAME.value, *_carried(task)}
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
    in_force = spec.effective_values(found | dict(changes)) | {
        item.role.value: item.role in roles for item in spec.inputs
    }
    broken = {rule.parameter for rule in spec.rules if rule.is_broken(found, in_force)}
    return {name: value for name, value in found.items() if name not in broken}
