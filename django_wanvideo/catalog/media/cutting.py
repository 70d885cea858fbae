"""Clips and sounds that are longer than a model takes: their beginning, copied by a process that may hang or break."""

from __future__ import annotations

import importlib.util
import logging
import tempfile
from typing import IO, TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from django_wanvideo import processes
from django_wanvideo.catalog.media import limits, measuring, packets

if TYPE_CHECKING:
    from django_wanvideo.catalog.inputs import InputSpec, MediaFacts

logger = logging.getLogger(__name__)

#: Seconds that copying the beginning of one file may take.
SECONDS = 20.0
_KINDS = frozenset({"MP4", "MOV", "MP3", "WAV"})
_UNCUTTABLE = _("It could not be cut here. Cut it with another program, and choose that."), "uncuttable"


def can_cut(wanted: InputSpec, facts: MediaFacts) -> bool:
    """Tell whether a file is only too long, and this process could take its beginning; nothing is loaded for that."""
    if facts.format not in _KINDS or facts.seconds is None or facts.seconds <= (wanted.max_seconds or facts.seconds):
        return False
    is_all = [problem.code for problem in limits.problems_of(wanted, facts)] == ["seconds"]
    return is_all and importlib.util.find_spec("av") is not None


def cut(content: IO[bytes], wanted: InputSpec, facts: MediaFacts) -> tuple[IO[bytes], MediaFacts]:
    """Return the beginning of a file, as long as the model takes, and what was measured of it.

    The file is left open, at its beginning; the new one, of the same kind, is a temporary file and gone once it is closed.

    Args:
        facts: of the file; ``can_cut`` has to be true of them.

    Raises:
        ValidationError: it cannot be cut, which says what to do.
    """
    target = tempfile.NamedTemporaryFile()  # noqa: SIM115 - whoever gets it reads it
    try:
        with measuring.system_file(content) as copy:
            arguments = target.name, str(facts.format).lower(), str(wanted.max_seconds)
            processes.run(packets.__file__, *arguments, content=copy, timeout=SECONDS)
        found = measuring.measure(target, wanted)
        if found.seconds is None or any(limits.problems_of(wanted, found)):
            raise ValidationError(*_UNCUTTABLE)
    except (processes.ScriptFailed, ValidationError) as error:
        target.close()
        logger.info("A file of kind %s cannot be cut: %s", facts.format, error)
        raise ValidationError(*_UNCUTTABLE) from error
    except OSError as error:
        target.close()
        logger.warning("No process could be started to cut a file.", exc_info=True)
        raise ValidationError(*measuring.NOT_NOW) from error
    return target, found
