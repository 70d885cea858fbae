"""The callback URL of an attempt: built when it is sent, never stored with its token."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils import translation
from django.utils.crypto import constant_time_compare
from django.views.decorators.debug import sensitive_variables

from django_wanvideo.conf import conf
from django_wanvideo.evolink.secrets import HiddenText
from django_wanvideo.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PURPOSE = b"django-wanvideo callback token v1:"
#: The attempt of an address that is only looked at.
NOBODY = uuid.UUID(int=0)
#: Stands for the token while the address is built.
_MARK = "callback-token"
TOKEN_PLACEHOLDER = "<token>"  # noqa: S105 - what is stored instead of one


def sign(attempt_id: uuid.UUID) -> str:
    """Return the token of an attempt, by the newest key."""
    return _token(_keys()[0], attempt_id)


def verify(attempt_id: uuid.UUID, token: str) -> bool:
    """Tell in constant time whether ``token`` belongs to the attempt, under any of the keys; no database is asked."""
    # Every key is tried, so that the time says nothing about which one matched.
    matches = [constant_time_compare(_token(key, attempt_id), token) for key in _keys()]
    return any(matches)


def without_token(body: Mapping[str, Any], attempt_id: uuid.UUID) -> dict[str, Any]:
    """Return the body of an attempt as it is kept: with the address of its callback, without the token in it."""
    if not conf.has_callbacks():
        return dict(body)
    return dict(body) | {"callback_url": _address(attempt_id, TOKEN_PLACEHOLDER)}


def with_token(kept: Mapping[str, Any], attempt_id: uuid.UUID) -> dict[str, Any]:
    """Return a kept body with the token of its attempt, in the same order; the address does not show itself."""
    body = dict(kept)
    if address := body.get("callback_url"):
        body["callback_url"] = HiddenText(address.replace(TOKEN_PLACEHOLDER, sign(attempt_id)))
    return body


def check_route() -> None:
    """Raise what ``url_for`` would, before anything depends on it; without callbacks there is nothing to raise."""
    if conf.has_callbacks():
        url_for(NOBODY)


def url_for(attempt_id: uuid.UUID) -> str:
    """Return the absolute callback URL of an attempt; it holds a secret.

    Raises:
        ConfigurationError: the site's URLconf has no such address, or cannot be loaded.
    """
    return HiddenText(_address(attempt_id, sign(attempt_id)))


def _address(attempt_id: uuid.UUID, token: str) -> str:
    # The same in every process, whatever language somebody reads the site in.
    path = path_in(settings.LANGUAGE_CODE, attempt_id)
    try:
        base = (conf.CALLBACK_BASE_URL or "").rstrip("/")
        if urlsplit(base).path:
            # A base with a path of its own already says where the site is mounted.
            path = "/" + path.removeprefix(get_script_prefix())
    except (AttributeError, ValueError):
        raise ConfigurationError("WANVIDEO['CALLBACK_BASE_URL'] is not a URL.") from None
    before, _mark, after = path.rpartition(_MARK)
    return f"{base}{before}{token}{after}"


def path_in(language: str, attempt_id: uuid.UUID = NOBODY) -> str:
    """Return the path of an attempt's callback, without its token; a URLconf may make it depend on the language.

    Raises:
        ConfigurationError: the site's URLconf has no such address, or cannot be loaded.
    """
    try:
        with translation.override(language):
            # Without the token: an address that cannot be built is said with all that it should be built from.
            return reverse("wanvideo:callback", kwargs={"attempt_id": attempt_id, "token": _MARK})
    except NoReverseMatch:
        raise ConfigurationError(
            "WANVIDEO['CALLBACK_BASE_URL'] is set, but the URLconf does not include django_wanvideo.urls at its top level."
        ) from None
    except Exception as error:
        # Loading a URLconf runs all code of the site; whatever that raises, the task must say why it waits.
        raise ConfigurationError(f"The site's URLconf cannot be loaded ({type(error).__name__}).") from error


def _token(key: str, attempt_id: uuid.UUID) -> str:
    return HiddenText(hmac.new(key.encode(), _PURPOSE + attempt_id.bytes, hashlib.sha256).hexdigest())


@sensitive_variables("given", "secrets")
def _keys() -> list[HiddenText]:
    given = conf.CALLBACK_KEYS
    # One string is one key, not as many as it has letters; an empty key would let anybody sign.
    keys = [HiddenText(key) for key in ([given] if isinstance(given, str) else given) if key]
    if keys:
        return keys
    # With a purpose of its own: a token must not be of use as any other signature.
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [HiddenText(hashlib.sha256(_PURPOSE + str(secret).encode()).hexdigest()) for secret in secrets]
