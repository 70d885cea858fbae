"""Is this site able to make videos? Every part is proven by using it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import Error
from django.utils.translation import gettext as _

from django_wanvideo.health import evolink, holds, queue, site
from django_wanvideo.health.results import Finding, Level, fail

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

__all__ = ["PROBES", "Finding", "Level", "diagnose"]

logger = logging.getLogger(__name__)

#: By name, in the order in which they are best mended. Each may be called by itself.
PROBES: Mapping[str, Callable[[], Iterable[Finding]]] = {
    "settings": site.settings_in_order,
    "database": site.database_ready,
    "installation": site.installation_known,
    "pictures": site.pictures_readable,
    "storage": site.storage_works,
    "queue": queue.queue_served,
    "sweep": site.sweep_runs,
    "sending": holds.sending_goes_on,
    "ids": site.nothing_is_kept,
    "key": evolink.key_works,
    "credits": evolink.credits_left,
    "clock": evolink.clocks_agree,
    "callback": evolink.callback_route,
}


def diagnose(*, skip: Collection[str] = (), call_back: bool = False) -> Iterator[Finding]:
    """Yield findings as they are made; a probe that breaks is a finding too.

    Args:
        skip: names of ``PROBES`` to leave out.
        call_back: also POST to the site's own public address, as EvoLink would.
    """
    for name, probe in PROBES.items():
        if name not in skip:
            yield from _guarded(name, probe)
    if call_back and "callback" not in skip:
        yield from _guarded("callback", evolink.callback_arrives)


def _guarded(name: str, probe: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from probe()
    except Exception as error:
        # The class only: the text of a foreign error may hold an address with a password in it.
        logger.debug("The probe %s broke.", name, exc_info=True)
        advice = (
            _("Run: python manage.py migrate") if isinstance(error, Error) else _("The log has the details at DEBUG.")
        )
        yield fail(name, _("The look at it broke: %(error)s.") % {"error": type(error).__name__}, advice)
