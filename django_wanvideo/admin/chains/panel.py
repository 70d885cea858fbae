"""The film that a task is a part of, as its page shows it: the parts in order, and what they were joined into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo import chains
from django_wanvideo.admin.chains.continuing import REMAKE
from django_wanvideo.admin.presentation import formats, markup, names
from django_wanvideo.choices import ACTIVE_STATUSES, TaskStatus
from django_wanvideo.models import Film
from django_wanvideo.models.creation import files
from django_wanvideo.services.storing import posters

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.models import VideoTask


@dataclass(frozen=True)
class Row:
    """One part; without a task where the person may not see it."""

    number: int
    task: VideoTask | None = None
    url: str = ""
    thumbnail: SafeString | str = ""
    chip: SafeString | str = ""
    settings: str = ""
    take: str = ""
    takes_url: str = ""
    warning: str = ""
    note: str = ""
    remake_url: str = ""
    is_shown: bool = False


def of(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask | None) -> dict[str, Any] | None:
    """Return what the template reads; ``None`` for a video by itself."""
    parts = chains.parts_of(task) if task is not None else []
    if task is None or not parts:
        return None
    is_open = task.status != TaskStatus.DRAFT
    tasks = visible(model_admin, request, [part.task for part in parts])
    prefetch_related_objects(list(tasks.values()), "inputs")
    may_join = is_open and may_change(model_admin, request, parts, tasks)
    films = [_film(model_admin, task, film) for film in chains.films_of(parts)] if len(tasks) == len(parts) else []
    present = next((film for film in films if film["digest"] == chains.digest_of(parts)), None)
    is_done = present is not None and (present["video"] or present["is_awaited"])
    can_join = may_join and not is_done and posters.is_installed() and not chains.why_not(parts, anyway=True)
    return {
        "rows": [_row(model_admin, request, n, part, tasks, task) for n, part in enumerate(parts, start=1)],
        "words": _words(parts),
        "present": present,
        "poster": markup.still_url(parts[0].task, parts[0].task.first_frame) if films else "",
        "earlier": [film for film in films if film["video"] and film is not present],
        "join_url": model_admin.get_page_url("join", task.pk) if can_join else "",
        "why_not": chains.why_not(parts) if may_join and not is_done else "",
        "lacks_extra": may_join and not is_done and not posters.is_installed(),
    }


def visible(model_admin: TaskAdminBase, request: HttpRequest, tasks: list[VideoTask]) -> dict[Any, VideoTask]:
    """Return those of ``tasks`` that the person may know of, by key."""
    known = set(
        model_admin.get_queryset(request).filter(pk__in=[task.pk for task in tasks]).values_list("pk", flat=True)
    )
    return {task.pk: task for task in tasks if task.pk in known}


def may_change(
    model_admin: TaskAdminBase, request: HttpRequest, parts: list[chains.Part], seen: dict[Any, VideoTask]
) -> bool:
    """Tell whether the person may see and change all parts."""
    return all(part.task.pk in seen and model_admin.has_change_permission(request, part.task) for part in parts)


def ended(model_admin: TaskAdminBase, request: HttpRequest, pk: uuid.UUID) -> str:
    """Say what became of a film that the person has seen being joined; an empty text while it is."""
    film = Film.objects.filter(pk=pk, task__in=model_admin.get_queryset(request).order_by().values("pk")).first()
    if film is None:
        return _("This film is not here any more.")
    if film.next_action_at is not None:
        return ""
    return _("The parts are joined into one video.") if film.video else problem_words(film.problem)


def problem_words(problem: dict[str, Any]) -> str:
    """Say why parts could not be joined, and what to do."""
    match problem.get("reason"):
        case "differs":
            cure = _("Encoding them anew failed. Remake it with the model and settings of part 1, then join again.")
            return f"{difference_words(problem)} {cure}"
        case "gone":
            return _("Part %(n)s was deleted or has no video any more.") % {"n": problem.get("part")}
        case "unreadable":
            return _("One of the parts cannot be read as a video. Play each to its end, and remake the one that stops.")
        case "storage":
            return _("This site’s storage failed while the parts were joined. Join them again.")
    return _("Joining was broken off several times. Join the parts again; if it stays so, the log says why.")


def difference_words(problem: dict[str, Any]) -> str:
    """Say in what a part is unlike the first one."""
    differences = {
        "size": _("Part %(n)s has %(is)s pixels, part 1 has %(first)s."),
        "rate": _("Part %(n)s has %(is)s pictures a second, part 1 has %(first)s."),
        "codec": _("Part %(n)s is encoded as %(is)s, part 1 as %(first)s."),
        "sound": _("The sound of part %(n)s is %(is)s, that of part 1 %(first)s."),
    }
    other = _("Part %(n)s is encoded in another way than part 1.")
    values = {"n": problem.get("part"), "is": problem.get("is"), "first": problem.get("first")}
    return differences.get(str(problem.get("what")), other) % values


def _row(
    model_admin: TaskAdminBase,
    request: HttpRequest,
    number: int,
    part: chains.Part,
    seen: dict[Any, VideoTask],
    shown: VideoTask,
) -> Row:
    task = part.task
    if task.pk not in seen:
        return Row(number)
    can_remake = (
        shown.status != TaskStatus.DRAFT
        and task.status not in {TaskStatus.DRAFT, *ACTIVE_STATUSES}
        and all(model_admin.is_allowed(request, task, permission) for permission in REMAKE.permissions)
    )
    words = _("Made from another frame than part %(n)s ends with.") % {"n": number - 1}
    take = _("take %(n)s, picked") if task.picked else _("take %(n)s")
    return Row(
        number,
        task,
        url=model_admin.get_page_url("change", task.pk),
        thumbnail=markup.thumbnail(task, task.first_frame),
        chip=markup.chip(task.status),
        settings=markup.settings_line(task),
        take=take % {"n": task.take_number} if task.take_number is not None else "",
        takes_url=model_admin.get_page_url("takes", task.pk) if task.take_group is not None else "",
        warning=words if part.begins_elsewhere else "",
        note=_("Part %(n)s begins with this video.") % {"n": number + 1} if part.is_in_next else "",
        remake_url=model_admin.get_page_url("operate", task.pk, REMAKE.verb) if can_remake else "",
        is_shown=task.pk == shown.pk,
    )


def _words(parts: list[chains.Part]) -> str:
    seconds = [part.task.parameters.get("duration") for part in chains.shown(parts)]
    count = ngettext("%(n)s part", "%(n)s parts", len(parts)) % {"n": len(parts)}
    known = [value for value in seconds if isinstance(value, int) and value > 0]
    if len(known) < len(seconds):
        return count
    return f"{count}, {formats.seconds_in_words(sum(known))}"


def _film(model_admin: TaskAdminBase, task: VideoTask, film: Film) -> dict[str, Any]:
    page = model_admin.get_page_url("film", task.pk, film.pk)
    encoded = _("All parts were encoded anew, in the size of part 1.")
    return {
        "pk": film.pk,
        "digest": film.digest,
        "video": bool(film.video),
        "is_awaited": film.next_action_at is not None,
        "problem": problem_words(film.problem) if film.problem and film.next_action_at is None else "",
        "note": f"{difference_words(film.problem)} {encoded}" if film.video and film.problem else "",
        "player": (files.player_url(film.video) if film.video else "") or page,
        "download_url": f"{page}?download=1",
        "download": names.of_film(film, task),
        "size": formats.megabytes(film.size),
        "at": formats.clock(film.created_at),
    }
