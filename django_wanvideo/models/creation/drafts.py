"""What somebody saw of a draft, so that what somebody else changed meanwhile is noticed and not overwritten."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from django.db.models import F
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.choices import TaskStatus
from django_wanvideo.exceptions import EditConflict
from django_wanvideo.models import VideoTask
from django_wanvideo.models.input import by_role

if TYPE_CHECKING:
    import uuid


def fields_of(task: VideoTask) -> dict[str, Any]:
    """Return what people may change of a draft, by field: settings in force, inputs by role as what they refer to."""
    spec = catalog.find(task.model)
    settings = spec.effective_values(task.parameters) if spec is not None else task.parameters
    inputs = {
        role: [(item.pk, item.url, item.file.name) for item in items]
        for role, items in by_role(task.inputs.all()).items()
    }
    own = {"model": task.model, "prompt": task.prompt, "notes": task.notes, "metadata": task.metadata}
    return {**settings, **inputs, **own}


def digests_of(task: VideoTask) -> dict[str, str]:
    """Return a short hash for each field, for a form to carry."""
    return {name: digest(value) for name, value in fields_of(task).items()}


def version_of(task: VideoTask) -> str:
    """Return a hash of all that people may change; any change by whatever way gives another one."""
    return hashlib.sha256(json.dumps(sorted(digests_of(task).items())).encode()).hexdigest()


def digest(value: Any) -> str:
    """Return the short hash of one field's value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:12]


def hold(pk: uuid.UUID, version: str) -> None:
    """Hold a draft's row until the end of the present transaction. Raises EditConflict if it is not ``version``."""
    present = lock(pk)
    if present is not None and present.status == TaskStatus.DRAFT and version_of(present) != version:
        raise EditConflict(_("This draft was changed meanwhile. Look at what is there now, then change it again."))


def lock(pk: uuid.UUID) -> VideoTask | None:
    """Hold a task's row until the end of the present transaction, and return it as it is then."""
    rows = VideoTask.objects.filter(pk=pk)
    # A write, because not every database can lock by reading; no other writer comes between this and the commit.
    rows.update(notes=F("notes"))
    return rows.prefetch_related("inputs").first()
