"""Making drafts that are known to be acceptable, before anything is charged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.catalog import media as catalog_media
from django_wanvideo.choices import EventKind, InputRole, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.db import database
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import MediaInput, VideoTask, lifecycle
from django_wanvideo.models.approvals import approved
from django_wanvideo.models.base.origins import key_in
from django_wanvideo.models.creation import drafts, idempotency, inspection, media, presets, validation
from django_wanvideo.models.creation.validation import Written, as_list
from django_wanvideo.models.input import by_role

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping

    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.catalog.inputs import Fix
    from django_wanvideo.models import Preset


_ROLES = frozenset(InputRole.values)
#: What a video begins with that goes on from another one.
_BEGINNINGS = (InputRole.FIRST_FRAME, InputRole.SOURCE_VIDEO)


def get_or_create_task(
    *,
    prompt: str = "",
    preset: Preset | str | None = None,
    model: str | None = None,
    owner: AbstractBaseUser | None = None,
    metadata: Mapping[str, Any] | None = None,
    notes: str | None = "",
    parent: VideoTask | None = None,
    continues_id: uuid.UUID | None = None,
    by: AbstractBaseUser | None = None,
    idempotency_key: str | None = None,
    fix_inputs: Fix = False,
    **others: Any,
) -> tuple[VideoTask, bool]:
    """Do what ``VideoTask.objects.create_task`` does, and tell whether the draft was made now.

    ``continues_id`` is the task whose last frame the first frame is, or whose video the clip.
    """
    parameters = {name: value for name, value in others.items() if name not in _ROLES}
    sources = {role: items for role in others if role in _ROLES and (items := as_list(others[role]))}
    used = presets.find_preset(preset, owner)
    filled = presets.fill_in(used, model, prompt, parameters, sources)
    written = Written.of(filled.prompt, notes, metadata)
    if idempotency_key is not None:
        # They are read twice: for the key's sake, and to be stored.
        sources = {role: [inspection.rereadable(item) for item in items] for role, items in sources.items()}
    call = idempotency.CreateCall(
        idempotency_key,
        owner,
        filled.model,
        written.prompt,
        filled.parameters,
        sources,
        of_preset=filled.of_preset,
        preset=used.slug if used is not None else "",
    )
    problem = idempotency.key_problem(idempotency_key)
    if idempotency_key is not None and problem is None and (earlier := call.earlier()) is not None:
        return earlier, False
    spec = catalog.get(filled.model or conf.DEFAULT_MODEL)
    columns, inputs = validation.validate(
        spec, written, filled.parameters, sources, key_problem=problem, fix=fix_inputs
    )
    owner_id = owner.pk if owner is not None else None
    origin = {"parent_id": parent.pk if parent is not None else None, "continues_id": continues_id}
    task = VideoTask(**columns, **call.columns, **origin, owner_id=owner_id)
    try:
        # Inside a caller's own transaction this is a savepoint, so that a lost race leaves the caller's work as it is.
        with media.discarding_files_on_error(inputs), database.atomic():
            task.save(force_insert=True)
            if idempotency_key is not None:
                # Once more: a task with this key may have come and gone while the inputs were checked.
                call.refuse_deleted()
            media.save_inputs(task, inputs)
            actor = by if by is not None else owner
            detail = {"preset": used.name} if used is not None else None
            lifecycle.record(task, EventKind.CREATED, actor=actor, to_status=TaskStatus.DRAFT, detail=detail)
    except IntegrityError:
        # The row comes before its files, so whoever loses the race for a key has stored nothing.
        if idempotency_key is None or (earlier := call.earlier()) is None:
            raise
        return earlier, False
    return task, True


def update_draft(
    task: VideoTask,
    *,
    prompt: str,
    parameters: Mapping[str, Any],
    notes: str | None,
    metadata: Mapping[str, Any] | None,
    model: str | None = None,
    version: str | None = None,
    fix_inputs: Fix = False,
    **others: Any,
) -> None:
    """Change a draft as a whole.

    Args:
        version: ``drafts.version_of()`` what the caller has seen: of two that change the same one wins. ``None``
            overwrites whatever is there.
        fix_inputs: as for ``create_task``.
        others: inputs by role (``first_frame=...``): ``None`` keeps what the draft has, an empty string removes it.

    Raises:
        ValidationError: keyed by field.
        TransitionNotAllowed: it is not a draft any more, or somebody else changed its inputs at the same moment.
        EditConflict: it is another one than ``version``.
    """
    spec = catalog.get(model or task.model)
    # Read anew: what the caller has fetched with the task may be older than another person's change.
    stored = by_role(MediaInput.objects.filter(task=task))
    sources: dict[str, list[Any]] = {role: list(items) for role, items in stored.items()}
    for role, value in others.items():
        if value is not None:
            sources[role] = as_list(value)
    sources = {role: items for role, items in sources.items() if items}
    written = Written.of(prompt, notes, metadata)
    # Kept pictures were judged for the model that the draft had.
    keep_of = task if spec.id == task.model else None
    columns, inputs = validation.validate(spec, written, parameters, sources, keep_of=keep_of, fix=fix_inputs)
    fresh = [item for item in inputs if item.pk is None]
    if any(sources.get(role, []) != stored.get(role, []) for role in _BEGINNINGS):
        # It begins with something else now.
        columns["continues_id"] = None
    with media.discarding_files_on_error(fresh), database.atomic():
        if version is not None:
            drafts.hold(task.pk, version)
        before = VideoTask.objects.waiting_for_approval().filter(pk=task.pk).values(*approved.CONTENT).first()
        # Not by the row's own ``save``, which would write it as well.
        columns["made_for"] = key_in(columns["metadata"])
        if not VideoTask.objects.filter(pk=task.pk, status=TaskStatus.DRAFT).update(**columns):
            message = _("This task has been sent meanwhile; it can no longer be changed. Duplicate it instead.")
            raise TransitionNotAllowed(message, action="update")
        # The row is locked by now, so what is there stays until this is done.
        present = MediaInput.objects.select_for_update().filter(task=task)
        known = {item.pk for items in stored.values() for item in items}
        kept = {item.pk for item in inputs if item.pk is not None}
        if {item.pk for item in present} != known or not kept <= known:
            raise TransitionNotAllowed(
                _("Somebody else changed this draft’s inputs just now; nothing was saved. Open it again to see them."),
                status=TaskStatus.DRAFT,
                action="update",
            )
        MediaInput.objects.filter(pk__in=known - kept).delete()
        is_moved = media.move_inputs(inputs)
        media.save_inputs(task, fresh)
        if before is not None and (fresh or known - kept or is_moved or approved.is_changed(before, columns)):
            VideoTask.objects.filter(pk=task.pk).update(approval=None)
            task.approval = None
            lifecycle.record(task, EventKind.NOTE, detail={"reason": "approval_void"})
    getattr(task, "_prefetched_objects_cache", {}).pop("inputs", None)
    for name, value in columns.items():
        setattr(task, name, value)


def update(task: VideoTask, **changes: Any) -> None:
    """Do what ``VideoTask.update`` does: what is not named stays as it is in the database."""
    if fixed := {"owner", "parent", "by", "idempotency_key", "preset"} & changes.keys():
        message = _("This cannot be changed.")
        raise ValidationError({name: ValidationError(message, code="fixed") for name in sorted(fixed)})
    stored = VideoTask.objects.filter(pk=task.pk).first()
    if stored is None:
        raise TransitionNotAllowed(_("This task is gone."), action="update")
    whole: dict[str, Any] = {"prompt": stored.prompt, "notes": stored.notes, "metadata": stored.metadata}
    names = {*whole, "model", "fix_inputs", *_ROLES}
    whole |= {name: value for name, value in changes.items() if name in names}
    parameters = stored.parameters | {name: value for name, value in changes.items() if name not in names}
    update_draft(stored, parameters=parameters, version=drafts.version_of(stored), **whole)
    task.refresh_from_db()


def duplicate(task: VideoTask, *, by: AbstractBaseUser | None = None, **changes: Any) -> VideoTask:
    """Make a new draft like ``task``, with ``changes`` to its prompt, inputs or parameters.

    Raises ValidationError, keyed by field, also when a file of the original is gone.
    """
    return get_or_duplicate(task, by=by, **changes)[0]


def get_or_duplicate(task: VideoTask, *, by: AbstractBaseUser | None = None, **changes: Any) -> tuple[VideoTask, bool]:
    """Do what ``duplicate`` does, and tell whether the draft was made now; with ``idempotency_key`` it may be there."""
    inputs = by_role(task.inputs.all())
    whole: dict[str, Any] = {"prompt": task.prompt, "model": task.model, "metadata": task.metadata}
    whole |= task.parameters | inputs | changes
    owner = by if by is not None else task.owner
    if not any(role in changes for role in _BEGINNINGS):
        whole["continues_id"] = task.continues_id
    return get_or_create_task(owner=owner, parent=task, by=by, **whole)


def check_complete(task: VideoTask) -> None:
    """Check a stored task against the catalogue as it is now. Raises ValidationError, keyed by field."""
    spec, inputs = catalog.get(task.model), task.inputs.all()
    cleaned = catalog.clean(spec, prompt=task.prompt, parameters=task.parameters, inputs=by_role(inputs))
    catalog_media.check(spec, validation.facts_of(inputs), cleaned)
