"""Where EvoLink reads the files that its file service does not take: clips, sounds and documents."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlsplit

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from rq.timeouts import BaseTimeoutException

from django_wanvideo.catalog import urls
from django_wanvideo.conf import conf
from django_wanvideo.models.creation import files
from django_wanvideo.models.creation.links import check_public
from django_wanvideo.models.storage import task_storage

if TYPE_CHECKING:
    from django.core.files.storage import Storage

logger = logging.getLogger(__name__)

#: How long a signed address must live: as long as a task may wait at EvoLink.
LIFETIME = dt.timedelta(hours=24)
#: By how much a clock may be ahead of the one that signs.
_TOLERANCE = dt.timedelta(minutes=5)


def check_sendable() -> None:
    """Raise ValidationError, with the ways out, where EvoLink could not read a file of this site's storage."""
    public_url(task_storage(), "wanvideo/inputs/example.mp4")


def public_url(storage: Storage, name: str) -> str:
    """Return an address under which anyone can read a stored file, for a day at least; nothing is asked for it.

    It is ``PUBLIC_MEDIA_BASE_URL`` and the name, or that of a storage that signs.

    Raises:
        ValidationError: there is none.
    """
    base = conf.PUBLIC_MEDIA_BASE_URL
    url = f"{base.rstrip('/')}/{quote(name)}" if base else _signed(storage, name)
    if not url or not (conf.ALLOW_PRIVATE_HOSTS or url.startswith("https://")):
        raise _no_address()
    try:
        urls.check_url(url)
        check_public(url)
    except ValidationError as error:
        raise _no_address() from error
    return url


def _signed(storage: Storage, name: str) -> str:
    """Return a storage's own address of a file if it is signed for long enough, or an empty string."""
    try:
        url = str(storage.url(name) or "")
        ends = _end_of(url)
    except BaseTimeoutException:
        raise
    except Exception as error:
        # Every storage has errors of its own.
        logger.info("The storage gives no public address for %s. (%s)", name, files.brief(error))
        return ""
    return url if ends is not None and ends >= timezone.now() + LIFETIME - _TOLERANCE else ""


def _end_of(url: str) -> dt.datetime | None:
    """Return when a signed address ends, by the parameters of S3, Google, Azure and CloudFront; ``None`` for others.

    Raises ValueError or OverflowError for what is no time.
    """
    query = {key.lower(): value for key, value in parse_qsl(urlsplit(url).query)}
    for vendor in ("x-amz", "x-goog"):
        if f"{vendor}-signature" in query:
            begins = dt.datetime.strptime(query[f"{vendor}-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
            return begins + dt.timedelta(seconds=int(query[f"{vendor}-expires"]))
    if "sig" in query:
        ends = parse_datetime(query.get("se", ""))
        return ends.replace(tzinfo=ends.tzinfo or dt.UTC) if ends is not None else None
    if "signature" in query and "expires" in query:
        return dt.datetime.fromtimestamp(int(query["expires"]), dt.UTC)
    return None


def _no_address() -> ValidationError:
    message = _(
        "EvoLink could not read this file from here. Give a link that anyone can open; or have the site’s developers set "
        "PUBLIC_MEDIA_BASE_URL, or a storage that signs its links for 24 hours."
    )
    return ValidationError(message, code="no_public_address")
