"""EvoLink as this site knows it: one client per process, and the pause that EvoLink asked the site for."""

from __future__ import annotations

import datetime as dt
import json
import logging
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from django_wanvideo import callback_tokens
from django_wanvideo.conf import conf
from django_wanvideo.db import timestamps
from django_wanvideo.evolink.client import EvoLinkClient
from django_wanvideo.evolink.exceptions import EvoLinkError
from django_wanvideo.exceptions import ConfigurationError, WanVideoError
from django_wanvideo.models import Attempt, SiteState
from django_wanvideo.services.holds import account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_wanvideo.evolink.types import CreateResult, TaskSnapshot

logger = logging.getLogger(__name__)

PAUSE = "evolink_pause"
#: Seconds to wait after a 429 without ``Retry-After`` (what EvoLink's own client waits, evolink-api.md §4.2).
DEFAULT_PAUSE = 30.0
#: How soon a worker that has no key looks again; another worker may have one.
NO_KEY = dt.timedelta(seconds=60)
LONGEST_PAUSE = timestamps.LONGEST_PAUSE.total_seconds()
#: EvoLink gives at most so many tasks of its list at a time.
PAGE_SIZE = 50
_CHUNK = 500


class ProviderUnavailable(WanVideoError):  # noqa: N818 - not an error: it is asked later
    """EvoLink is not asked before ``until``; ``reason`` is why a task waits for that."""

    def __init__(self, message: str, until: dt.datetime, reason: str) -> None:
        super().__init__(message)
        self.until = until
        self.reason = reason


class NotConfigured(ProviderUnavailable, ConfigurationError):  # noqa: N818 - as above
    """This process has no key, or a setting that cannot be used; another worker may be better off."""


def client(*, timeout: float | None = None, despite_backoff: bool = False) -> EvoLinkClient:
    """Return a client with the site's settings; connections for reading are pooled per process below it.

    Args:
        timeout: seconds that connecting and an answer may take at most, where the site's settings allow more.
        despite_backoff: whether EvoLink may be asked although it asked the site to wait.

    Raises:
        ProviderUnavailable: EvoLink asked the site to wait.
        NotConfigured: there is no key, or a setting that cannot be used.
    """
    if not despite_backoff:
        check_backoff()
    key = conf.api_key()
    if not key:
        raise NotConfigured("WANVIDEO['API_KEY'] is empty in this process.", timezone.now() + NO_KEY, "no_api_key")
    try:
        return EvoLinkClient(
            key,
            base_url=conf.BASE_URL,
            files_url=conf.FILES_URL,
            connect_timeout=min(conf.CONNECT_TIMEOUT, timeout or conf.CONNECT_TIMEOUT),
            read_timeout=min(conf.READ_TIMEOUT, timeout or conf.READ_TIMEOUT),
            allow_private_hosts=conf.ALLOW_PRIVATE_HOSTS,
        )
    except ConfigurationError as error:
        raise NotConfigured(str(error), timezone.now() + NO_KEY, "misconfigured") from error


def check_backoff() -> None:
    """Raise ProviderUnavailable while EvoLink wants the site to wait."""
    if (until := backoff_until()) is not None:
        message = f"EvoLink asked this site to wait until {timezone.localtime(until):%X}"
        raise ProviderUnavailable(message, until, "evolink_busy")


def create(client: EvoLinkClient, attempt: Attempt, *, before_send: Callable[[], None] | None = None) -> CreateResult:
    """Make the one call that may be billed. An attempt gives the same bytes each time, however its row keeps JSON.

    Raises what ``EvoLinkClient.create`` raises, and what ``before_send`` raises.
    """
    # PostgreSQL's jsonb keeps no order of keys, and EvoLink compares the bodies that come with one idempotency key.
    body = callback_tokens.with_token(json.loads(json.dumps(attempt.request, sort_keys=True)), attempt.pk)
    return client.create(body, idempotency_key=attempt.idempotency_key, before_send=before_send)


def back_off(seconds: float | None) -> dt.datetime:
    """Hold the whole site's calls back for ``seconds``; a longer pause that stands already is kept."""
    wait = min(max(seconds if seconds is not None else DEFAULT_PAUSE, 1.0), LONGEST_PAUSE)
    until = timezone.now() + dt.timedelta(seconds=wait)
    standing = backoff_until()
    if standing is not None and standing >= until:
        return standing
    SiteState.objects.update_or_create(name=PAUSE, defaults={"value": {"until": until.isoformat()}})
    if standing is None:
        logger.warning("EvoLink asked us to wait; no calls for %.0f seconds.", wait)
    return until


def backoff_until() -> dt.datetime | None:
    """Return until when EvoLink asked the site to wait, or ``None`` when it may be called."""
    value = SiteState.objects.filter(name=PAUSE).values_list("value", flat=True).first()
    until = parse_datetime(value.get("until", "")) if value else None
    return until if timestamps.stands(until, timestamps.LONGEST_PAUSE) else None


def read(client: EvoLinkClient, provider_task_id: str) -> TaskSnapshot:
    """Read one task and heed what the answer says about the whole site. Raises what ``EvoLinkClient.get_task`` raises."""
    try:
        snapshot = client.get_task(provider_task_id)
    except EvoLinkError as error:
        handle_error(error)
        raise
    account.mark_key_valid()
    return snapshot


def read_list(
    client: EvoLinkClient, model: str, since: dt.datetime, *, most_pages: int
) -> tuple[list[TaskSnapshot], dt.datetime]:
    """Read the list of a model's tasks, newest first, back to ``since``; return it and how far back it was read.

    Raises what ``EvoLinkClient.list_tasks`` raises.
    """
    found: list[TaskSnapshot] = []
    back_to = dt.datetime.max.replace(tzinfo=dt.UTC)
    for page in range(1, most_pages + 1):
        rows = client.list_tasks(model=model, page=page, page_size=PAGE_SIZE)
        found += rows
        if len(rows) < PAGE_SIZE:
            return found, dt.datetime.min.replace(tzinfo=dt.UTC)
        back_to = min((row.created for row in rows if row.created is not None), default=back_to)
        if back_to < since:
            break
    return found, back_to


def unknown_here(items: Iterable[TaskSnapshot]) -> list[TaskSnapshot]:
    """Leave out what an attempt of this site has, and what came twice while the list was moving."""
    unique = {item.id: item for item in items}
    ids, known = list(unique), set[str | None]()
    for start in range(0, len(ids), _CHUNK):
        rows = Attempt.objects.filter(provider_task_id__in=ids[start : start + _CHUNK])
        known.update(rows.values_list("provider_task_id", flat=True))
    return [item for pk, item in unique.items() if pk not in known]


def handle_error(error: EvoLinkError) -> dt.datetime | None:
    """Take note of what an error says about the whole site: the account's trouble, a pause, whose end is returned."""
    account.note(error)
    return back_off(error.retry_after) if error.http_status == 429 else None
