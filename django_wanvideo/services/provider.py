"""EvoLink as this site knows it: one client per process, and the pause that EvoLink asked the site for."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from django_wanvideo.conf import conf
from django_wanvideo.evolink.client import EvoLinkClient
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.models import SiteState

if TYPE_CHECKING:
    from django_wanvideo.evolink.errors import EvoLinkError

logger = logging.getLogger(__name__)

PAUSE = "evolink_pause"
KEY_REJECTED = "key_rejected"
#: Seconds to wait after a 429 without ``Retry-After`` (what EvoLink's own client waits, evolink-api.md §4.2).
DEFAULT_PAUSE = 30.0
LONGEST_PAUSE = 3600.0


def client() -> EvoLinkClient:
    """Return a client with the site's settings; connections are pooled per process below it.

    Raises:
        ConfigurationError: there is no key.
    """
    key = conf.api_key()
    if not key:
        raise ConfigurationError("WANVIDEO['API_KEY'] is empty in this process.")
    return EvoLinkClient(
        key,
        base_url=conf.BASE_URL,
        files_url=conf.FILES_URL,
        connect_timeout=conf.CONNECT_TIMEOUT,
        read_timeout=conf.READ_TIMEOUT,
        allow_private_hosts=conf.ALLOW_PRIVATE_HOSTS,
    )


def pause(seconds: float | None) -> dt.datetime:
    """Hold the whole site's calls back for ``seconds``; a longer pause that stands already is kept."""
    wait = min(max(seconds if seconds is not None else DEFAULT_PAUSE, 1.0), LONGEST_PAUSE)
    until = timezone.now() + dt.timedelta(seconds=wait)
    standing = paused_until()
    if standing is not None and standing >= until:
        return standing
    SiteState.objects.update_or_create(name=PAUSE, defaults={"value": {"until": until.isoformat()}})
    logger.warning("EvoLink asked us to wait; no calls for %.0f seconds.", wait)
    return until


def paused_until() -> dt.datetime | None:
    """Return until when EvoLink asked the site to wait, or ``None`` when it may be called."""
    value = SiteState.objects.filter(name=PAUSE).values_list("value", flat=True).first()
    until = parse_datetime(value.get("until", "")) if value else None
    return until if until is not None and until > timezone.now() else None


def note_key_answer(error: EvoLinkError | None) -> None:
    """Remember that EvoLink rejects the key, or that it is in order again, so that staff can be told."""
    if error is not None and error.http_status == 401:
        SiteState.objects.update_or_create(name=KEY_REJECTED, defaults={"value": {"code": error.code}})
    elif error is None:
        SiteState.objects.filter(name=KEY_REJECTED).delete()
