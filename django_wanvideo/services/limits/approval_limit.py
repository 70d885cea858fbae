"""How many credits a person, or the site's code, may spend at once without a second person."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError
from django.utils.formats import number_format

from django_wanvideo.conf import conf
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.services.limits import credit_limits

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

logger = logging.getLogger(__name__)


def limit_for(by: AbstractBaseUser | None) -> Decimal | None:
    """Return the credits that one submission of ``by`` may cost without anybody else; ``None`` for no limit.

    Raises ConfigurationError where it cannot be understood, or a callable of the site's raised: never taken for none.
    """
    given: Any = conf.APPROVAL_ABOVE
    try:
        if callable(given):
            # Code without a person is no exception, unless the site's own function makes it one.
            given = given(by if by is not None else AnonymousUser())
        return None if given is None else credit_limits.amount_of(given)
    except DatabaseError:
        raise
    except Exception as error:
        logger.exception("What needs approval cannot be told; nothing is sent before it can.")
        raise ConfigurationError(f"WANVIDEO['APPROVAL_ABOVE'] cannot be used: {error}") from error


def words(limit: Decimal) -> str:
    """Return a limit without needless zeros."""
    return number_format(limit.normalize() if limit % 1 else limit.quantize(Decimal(1)))
