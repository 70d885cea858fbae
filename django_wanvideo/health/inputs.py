"""Checks of how EvoLink comes to the files that tasks are made from."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import requests
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.utils.translation import gettext as _

from django_wanvideo.catalog.media import measuring
from django_wanvideo.conf import conf
from django_wanvideo.evolink.exceptions import EvoLinkError
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.health.results import CheckResult, error, ok, warning
from django_wanvideo.models import MediaInput
from django_wanvideo.models.creation import addresses
from django_wanvideo.models.storage import input_upload_to, task_storage
from django_wanvideo.services.provider import provider

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Of the files that EvoLink keeps, the share below which what is left is little.
LITTLE = 0.1


def check_files() -> Iterator[CheckResult]:
    """Whether EvoLink has room for pictures, and can read the other files of this site."""
    try:
        counted = provider.client(despite_backoff=True).count_files()
    except (ConfigurationError, EvoLinkError) as raised:
        yield warning(_("EvoLink's file service cannot be asked: %(error)s") % {"error": raised}, _("Try again."))
    else:
        if counted is not None and counted[1] - counted[0] < LITTLE * counted[1]:
            yield warning(
                _("EvoLink keeps %(used)d files of the account and takes %(most)d.")
                % {"used": counted[0], "most": counted[1]},
                _("Pictures wait until files have ended, after 72 hours. Ask EvoLink for more, or give links."),
            )
    try:
        addresses.check_sendable()
    except ValidationError:
        yield ok(_("Pictures are taken as files; clips, sounds and documents as links only."))
        return
    if conf.PUBLIC_MEDIA_BASE_URL and (problem := _reading_problem()):
        yield error(problem, _("Look at WANVIDEO['PUBLIC_MEDIA_BASE_URL'], DNS, certificate and firewall."))
    elif not all(measuring.can_measure(kind) for kind in ("MP4", "PDF")):
        yield warning(
            _("EvoLink can read all files, but lengths and pages are not measured."),
            _("Run: pip install 'django-wanvideo[media]'"),
        )
    else:
        yield ok(_("EvoLink can read pictures, clips, sounds and documents."))


def _reading_problem() -> str:
    """Return why a file that is stored now cannot be read under its public address, or an empty text."""
    storage, content = task_storage(), uuid.uuid4().hex.encode()
    name = storage.save(input_upload_to(MediaInput(), f"doctor-{uuid.uuid4().hex}.txt"), ContentFile(content))
    try:
        url, limits = addresses.public_url(storage, name), (min(conf.CONNECT_TIMEOUT, 10.0), 10.0)
        with requests.get(url, timeout=limits, allow_redirects=False, stream=True) as answer:
            found = answer.raw.read(len(content) + 1, decode_content=True)
        if answer.status_code != requests.codes.ok:
            return _("The public address of a file is answered with HTTP %(n)d.") % {"n": answer.status_code}
        return "" if found == content else _("The public address of a file leads to another one.")
    except requests.RequestException as raised:
        return _("The public address of a file cannot be read from here (%(error)s).") % {
            "error": type(raised).__name__
        }
    finally:
        storage.delete(name)
