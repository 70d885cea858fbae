"""Checks of what lies between the site and EvoLink: key, credits, clocks, and the way back."""

from __future__ import annotations

import datetime as dt
import uuid
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import requests
from django.urls import NoReverseMatch, Resolver404, resolve, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo import callback_tokens, catalog
from django_wanvideo.conf import conf
from django_wanvideo.evolink.exceptions import EvoLinkError
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.health.results import CheckResult, error, ok, warning
from django_wanvideo.models import CallbackReceipt
from django_wanvideo.services.provider import provider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

#: Seconds between our clock and EvoLink's that are still good, and that are too many: a callback whose task seems to be
#: older than its attempt by ``matching.CLOCK_SKEW`` is taken for somebody else's.
SKEW_GOOD, SKEW_BAD = 30.0, 120.0


def check_key() -> Iterator[CheckResult]:
    """Whether EvoLink takes the key, and whether the key may use the default model."""
    try:
        models = provider.client(despite_backoff=True).list_models()
    except ConfigurationError as raised:
        yield error(str(raised), _("Set WANVIDEO['API_KEY'] from the environment, in every process."))
        return
    except EvoLinkError as raised:
        if raised.http_status in {401, 403}:
            hint = _("Set a new key; keys are made at https://evolink.ai/dashboard/keys.")
        else:
            hint = _("Try again; if it stays, look at the network of this machine and at WANVIDEO['BASE_URL'].")
        yield error(_("EvoLink does not take it: %(error)s") % {"error": raised}, hint)
        return
    known = {spec.id for spec in catalog.models()}
    usable = known.intersection(models)
    if models and conf.DEFAULT_MODEL not in models:
        yield warning(
            _("EvoLink takes it, but does not list %(model)s for it.") % {"model": conf.DEFAULT_MODEL},
            _("Allow the model at EvoLink, or choose another WANVIDEO['DEFAULT_MODEL'] of: %(models)s")
            % {"models": ", ".join(sorted(usable)) or "–"},
        )
    else:
        yield ok(_("EvoLink takes it; %(n)d of the models known here can be used.") % {"n": len(usable)})
    until = provider.backoff_until()
    if until is not None:
        yield warning(
            _("EvoLink asked this site to wait until %(until)s.") % {"until": timezone.localtime(until).strftime("%X")},
            _("Nothing to do. If it comes often, set WANVIDEO['MAX_SUBMITS_PER_MINUTE']."),
        )


def check_credits() -> Iterator[CheckResult]:
    """Whether the account can pay for a video."""
    try:
        spendable = provider.client(despite_backoff=True).get_credits().spendable
    except (ConfigurationError, EvoLinkError) as raised:
        yield warning(_("They cannot be read: %(error)s") % {"error": raised}, _("See the line about the key."))
        return
    spec = catalog.get(conf.DEFAULT_MODEL)
    price = catalog.estimate(spec, {}, {item.role.value: [""] for item in spec.inputs if item.required})
    if spendable is None:
        yield warning(_("EvoLink does not say how many are left."), _("Look at EvoLink’s dashboard."))
        return
    left = _("%(n)s are left; a usual video costs %(price)s.") % {"n": _amount(spendable), "price": _amount(price)}
    if spendable < price:
        yield error(left, _("Top up the account, or raise the key’s limit, at https://evolink.ai."))
    elif spendable < 10 * price:
        yield warning(
            _("%(n)s are left, enough for %(videos)d usual videos.")
            % {"n": _amount(spendable), "videos": int(spendable / price)},
            _("Top up the account soon."),
        )
    else:
        yield ok(left)


def check_clock() -> Iterator[CheckResult]:
    """How far this machine's clock is from EvoLink's, by the ``Date`` of any answer; no key is sent."""
    try:
        with requests.get(conf.BASE_URL, timeout=_timeout(), allow_redirects=False, stream=True) as answer:
            theirs = parsedate_to_datetime(answer.headers["Date"])
    except requests.RequestException as raised:
        hint = _("Look at the network of this machine and at WANVIDEO['BASE_URL'].")
        yield error(_("EvoLink cannot be reached (%(error)s).") % {"error": type(raised).__name__}, hint)
        return
    except (KeyError, ValueError):
        yield warning(_("EvoLink’s answer has no time in it."), _("Keep this machine’s clock right with NTP."))
        return
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=dt.UTC)
    skew = (timezone.now() - theirs).total_seconds()
    message = _("%(n)+.0f seconds from EvoLink’s.") % {"n": skew}
    if abs(skew) <= SKEW_GOOD:
        yield ok(message)
    else:
        level = error if abs(skew) > SKEW_BAD else warning
        yield level(message, _("Set this machine’s clock right, with NTP (systemd: timedatectl set-ntp true)."))


def check_callback_route() -> Iterator[CheckResult]:
    """Whether the callback address can be built, leads to the view, and carries a token that is accepted."""
    attempt_id = uuid.uuid4()
    token = callback_tokens.sign(attempt_id)
    try:
        path = reverse("wanvideo:callback", kwargs={"attempt_id": attempt_id, "token": token})
        match = resolve(path)
    except (NoReverseMatch, Resolver404):
        yield error(
            _("The site has no callback address."),
            _('Add path("wanvideo/", include("django_wanvideo.urls")) to the URLs.'),
        )
        return
    # A site may give the include a namespace of its own; the app's name stays.
    if [*match.app_names, match.url_name] != ["wanvideo", "callback"] or not callback_tokens.verify(**match.kwargs):
        yield error(
            _("Another address of the site catches the callback’s."),
            _("Move the line that includes django_wanvideo.urls further up."),
        )
    elif not conf.has_callbacks():
        yield warning(
            _("None is asked for: videos are found by polling only."),
            _("Set WANVIDEO['CALLBACK_BASE_URL'] to the site’s public https address."),
        )
    else:
        yield ok(_("Address and token are in order (%(base)s).") % {"base": conf.CALLBACK_BASE_URL})


def check_callback_arrival() -> Iterator[CheckResult]:
    """Call the site back over HTTP as EvoLink would: a good token is taken, a bad one is not. Leaves no trace."""
    if not conf.has_callbacks():
        return
    attempt_id = uuid.uuid4()
    good = callback_tokens.url_for(attempt_id)
    token = callback_tokens.sign(attempt_id)
    try:
        taken, refused = _post(good), _post(good.replace(token, "0" * len(token)))
        kept = CallbackReceipt.objects.filter(attempt_id=attempt_id).exists()
    except requests.RequestException as raised:
        # Its text holds the address, and the address holds a token.
        yield error(
            _("%(base)s cannot be reached from here (%(error)s).")
            % {"base": conf.CALLBACK_BASE_URL, "error": type(raised).__name__},
            _("Look at DNS, certificate and firewall; it must be reachable from the internet."),
        )
        return
    finally:
        CallbackReceipt.objects.filter(attempt_id=attempt_id).delete()
    if taken in {301, 302, 303, 307, 308}:
        yield error(
            _("The address redirects (HTTP %(n)d); EvoLink’s message would be lost.") % {"n": taken},
            _("Set WANVIDEO['CALLBACK_BASE_URL'] to where it redirects to."),
        )
    elif taken != 200:
        yield error(
            _("A callback with a good token is answered with HTTP %(n)d instead of 200.") % {"n": taken},
            _("Look at the proxy in front, ALLOWED_HOSTS, and that all processes have the same CALLBACK_KEYS."),
        )
    elif refused != 404:
        yield error(
            _("A callback with a bad token is answered with HTTP %(n)d instead of 404.") % {"n": refused},
            _("Something in front of the site answers in its place; let it pass POST requests on."),
        )
    elif not kept:
        yield error(
            _("The callback was taken, but not into this database."),
            _("WANVIDEO['CALLBACK_BASE_URL'] leads to another site, or to one with another database."),
        )
    else:
        yield ok(_("A real callback was taken in, a forged one refused."))


def _post(url: str) -> int:
    with requests.post(url, json={}, timeout=_timeout(), allow_redirects=False, stream=True) as answer:
        return answer.status_code


def _amount(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _timeout() -> tuple[float, float]:
    # EvoLink itself waits 10 seconds for a callback's answer.
    return min(conf.CONNECT_TIMEOUT, 10.0), 10.0
