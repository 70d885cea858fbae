"""Is this site able to make videos? One set of checks, each of which proves a part by using it."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from django.db import Error
from django.utils.translation import gettext as _

from django_wanvideo.health import evolink, holds, inputs, queue, site, spending, storage
from django_wanvideo.health.results import CheckResult, Level, error

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

__all__ = ["CHECKS", "CheckResult", "Level", "run_checks"]

logger = logging.getLogger(__name__)

#: By name, in the order in which they are best mended. Each may be called by itself.
CHECKS: Mapping[str, Callable[[], Iterable[CheckResult]]] = {
    "settings": site.check_settings,
    "database": site.check_database,
    "installation": site.check_installation,
    "pictures": site.check_pictures,
    "storage": storage.check_storage,
    "queue": queue.check_queue,
    "sweep": site.check_sweep,
    "sending": holds.check_sending,
    "ids": site.check_kept_ids,
    "mail": site.check_mail,
    "prices": spending.check_prices,
    "limits": spending.check_limits,
    "key": evolink.check_key,
    "credits": evolink.check_credits,
    "files": inputs.check_files,
    "clock": evolink.check_clock,
    "callback": evolink.check_callback_route,
}


def run_checks(*, skip: Collection[str] = (), call_back: bool = False) -> Iterator[CheckResult]:
    """Yield results as they are found; a check that breaks is a result too.

    Args:
        skip: names of ``CHECKS`` to leave out.
        call_back: also POST to the site's own public address, as EvoLink would.
    """
    for name, check in CHECKS.items():
        if name not in skip:
            yield from _results_of(name, check)
    if call_back and "callback" not in skip:
        yield from _results_of("callback", evolink.check_callback_arrival)


def _results_of(name: str, check: Callable[[], Iterable[CheckResult]]) -> Iterator[CheckResult]:
    try:
        for result in check():
            yield replace(result, name=name)
    except Exception as broken:
        # The class only: the text of a foreign error may hold an address with a password in it.
        logger.debug("The check %s broke.", name, exc_info=True)
        hint = (
            _("Run: python manage.py migrate") if isinstance(broken, Error) else _("The log has the details at DEBUG.")
        )
        yield replace(error(_("The look at it broke: %(error)s.") % {"error": type(broken).__name__}, hint), name=name)
