"""Is this site able to make videos? Every part is proven by using it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import Error
from django.utils.translation import gettext as _

from django_wanvideo.services import evolink_probes, hold_reports, queue_probes, site_probes
from django_wanvideo.services.findings import Finding, Level, fail

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

__all__ = ["PROBES", "Finding", "Level", "diagnose"]

logger = logging.getLogger(__name__)

#: By name, in the order in which they are best mended. Each may be called by itself.
PROBES: Mapping[str, Callable[[], Iterable[Finding]]] = {
    "settings": site_probes.settings_in_order,
    "database": site_probes.database_ready,
    "installation": site_probes.installation_known,
    "pictures": site_probes.pictures_readable,
    "storage": site_probes.storage_works,
    "queue": queue_probes.queue_served,
    "sweep": site_probes.sweep_runs,
    "sending": hold_reports.sending_goes_on,
    "ids": site_probes.nothing_is_kept,
    "key": evolink_probes.key_works,
    "credits": evolink_probes.credits_left,
    "clock": evolink_probes.clocks_agree,
    "callback": evolink_probes.callback_route,
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
        yield from _guarded("callback", evolink_probes.callback_arrives)


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
