"""Checks of the addresses among the settings: the site's own, where EvoLink calls back, and EvoLink's."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import global_settings, settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

from django_wanvideo import callback_tokens
from django_wanvideo.conf import conf
from django_wanvideo.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What hangs on a name where there is no host either.
_NO_GUARD = (
    " Set INSTALLATION to a name as well, another one on each copy of the database: without a name and an address a copy "
    "sends, and pays for, what is queued in it."
)
_PRIVATE_SUFFIXES = (".local", ".localhost", ".internal", ".lan", ".home.arpa")


def callbacks() -> Iterator[CheckMessage]:
    url = conf.CALLBACK_BASE_URL
    if not url:
        yield CheckWarning(
            "WANVIDEO['CALLBACK_BASE_URL'] is not set: finished videos are found by polling only.",
            hint='Set it to the public https address of this site, such as "https://www.example.com".'
            + ("" if conf.INSTALLATION else _NO_GUARD),
            id="wanvideo.W001",
        )
        return
    parts = _split(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        yield Error(
            "WANVIDEO['CALLBACK_BASE_URL'] is not a URL.",
            hint='Give scheme and host, such as "https://www.example.com".',
            id="wanvideo.E006",
        )
        return
    if parts.query or parts.fragment or "@" in parts.netloc:
        yield Error(
            "WANVIDEO['CALLBACK_BASE_URL'] has more than scheme, host and path.",
            hint='Give it like "https://www.example.com".',
            id="wanvideo.E006",
        )
    if conf.ALLOW_PRIVATE_HOSTS:
        return
    if parts.scheme != "https":
        yield Error(
            "WANVIDEO['CALLBACK_BASE_URL'] is not https; EvoLink calls back over https only.",
            hint="Use the https address, or leave it out to poll only.",
            id="wanvideo.E007",
        )
    if _is_private(parts.hostname):
        yield Error(
            "WANVIDEO['CALLBACK_BASE_URL'] points to a private host; EvoLink refuses such addresses.",
            hint="Use the site's public name, or leave it out to poll only.",
            id="wanvideo.E008",
        )


def media() -> Iterator[CheckMessage]:
    """Judge ``PUBLIC_MEDIA_BASE_URL``."""
    url = conf.PUBLIC_MEDIA_BASE_URL
    if url is None:
        return
    hint = 'Give the address under which anyone can read the storage\'s files, such as "https://media.example.com/".'
    if not is_site(url):
        yield Error("WANVIDEO['PUBLIC_MEDIA_BASE_URL'] is not a URL.", hint=hint, id="wanvideo.E016")
    elif not conf.ALLOW_PRIVATE_HOSTS and (not url.startswith("https://") or _is_private(str(_split(url).hostname))):
        yield Error(
            "WANVIDEO['PUBLIC_MEDIA_BASE_URL'] is no public https address: EvoLink could not read files there.",
            hint=hint,
            id="wanvideo.E016",
        )


def route() -> Iterator[CheckMessage]:
    if not conf.has_callbacks():
        return
    try:
        paths = {callback_tokens.path_in(code) for code in _languages()}
    except ConfigurationError as error:
        # A URLconf that cannot be loaded is shown by Django's own checks, with all that is wrong in it.
        if error.__cause__ is None:
            yield Error(
                str(error),
                hint='Add path("wanvideo/", include("django_wanvideo.urls")) to ROOT_URLCONF, not inside another include '
                "with a namespace of its own; or leave CALLBACK_BASE_URL out. Nothing is sent before.",
                id="wanvideo.E014",
            )
    else:
        if len(paths) > 1:
            yield CheckWarning(
                "The address of callbacks changes with the language.",
                hint="Include django_wanvideo.urls outside of i18n_patterns().",
                id="wanvideo.W006",
            )


def _languages() -> list[str]:
    """Return the languages to ask for an address in; a URLconf is built for each, which takes time at every start."""
    codes = [code for code, _name in settings.LANGUAGES]
    if codes != [code for code, _name in global_settings.LANGUAGES]:
        return codes
    # Who has not chosen among all of Django's translates no address; where they have the language in them, any two differ.
    return [settings.LANGUAGE_CODE, *[code for code in codes if code != settings.LANGUAGE_CODE][:1]]


def hosts() -> Iterator[CheckMessage]:
    for name in ("BASE_URL", "FILES_URL"):
        parts = _split(getattr(conf, name))
        if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
            yield Error(
                f"WANVIDEO['{name}'] is not a URL.", hint="Leave it out to use EvoLink's own.", id="wanvideo.E009"
            )
        elif parts.scheme != "https" and not conf.ALLOW_PRIVATE_HOSTS:
            yield Error(
                f"WANVIDEO['{name}'] is not https: the key would travel in the clear.",
                hint="Use https; for a simulator on this machine set ALLOW_PRIVATE_HOSTS to True.",
                id="wanvideo.E010",
            )
    if conf.ALLOW_PRIVATE_HOSTS and not settings.DEBUG:
        yield CheckWarning(
            "WANVIDEO['ALLOW_PRIVATE_HOSTS'] is on while DEBUG is off.",
            hint="It is for development and tests: results may then be fetched from private addresses.",
            id="wanvideo.W002",
        )


def is_site(url: Any) -> bool:
    """Tell whether links can begin with an address."""
    parts = _split(url)
    return (
        parts is not None
        and parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and not parts.query + parts.fragment
    )


def _split(url: Any) -> Any:
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        # Reading the port is what tells a malformed one.
        return parts if parts is None or parts.port is None or parts.port > 0 else None
    except ValueError:
        return None


def _is_private(host: str) -> bool:
    name = host.lower().rstrip(".")
    try:
        return not ipaddress.ip_address(name.strip("[]")).is_global
    except ValueError:
        return name == "localhost" or "." not in name or name.endswith(_PRIVATE_SUFFIXES)
