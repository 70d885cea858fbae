"""Which kind of file begins with some bytes. A name counts only between kinds that have the same bytes."""

from __future__ import annotations

import codecs

from django_wanvideo.catalog.images.files import kind_of as picture_of

#: Bytes from the beginning that are enough to tell.
HEADER_BYTES = 4096
#: Packed files that only a look inside tells apart.
ZIP, OLE = "ZIP", "OLE"

_PACKED = ((b"PK\x03\x04", ZIP), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE))
#: Other sounds and clips that people have, so that a refusal can name them.
_OTHERS = ((b"fLaC", "FLAC"), (b"OggS", "Ogg"), (b"\x1aE\xdf\xa3", "WebM or MKV"), (b"FLV", "FLV"), (b"{\\rtf", "RTF"))
_OF_RIFF = {b"WAVE": "WAV", b"AVI ": "AVI"}
_OF_BRAND = {b"qt  ": "MOV", b"M4A ": "M4A", b"M4B ": "M4A", b"M4P ": "M4A"}
#: Boxes that a QuickTime file may begin with when it has no brand.
_QUICKTIME = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_MARKDOWN = frozenset({"md", "markdown"})


def kind_of(header: bytes, suffix: str = "") -> str:
    """Return the kind of a file, a name of ``MEDIA_TYPES`` where it is one of them, or an empty string.

    Args:
        header: its first ``HEADER_BYTES``.
        suffix: what its name ends with, in lower case, without the dot.
    """
    for signature, kind in (*_PACKED, *_OTHERS):
        if header.startswith(signature):
            return kind
    if header[:4] in {b"RIFF", b"RF64"} and header[8:12] in _OF_RIFF:
        return _OF_RIFF[header[8:12]]
    if found := picture_of(header[:64]):
        return found
    if header[4:8] == b"ftyp":
        return _OF_BRAND.get(header[8:12], "MP4")
    if header[4:8] in _QUICKTIME:
        return "MOV"
    if header.startswith(b"ID3") or _is_mpeg_audio(header):
        return "MP3"
    if b"%PDF-" in header[:1024]:
        return "PDF"
    return ("MD" if suffix in _MARKDOWN else "TXT") if _is_text(header) else ""


def _is_mpeg_audio(header: bytes) -> bool:
    """Tell whether the first bytes are a frame of layer III with a bit rate and a rate of samples."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return False
    return header[1] & 0x18 != 0x08 and header[2] >> 4 not in {0, 15} and header[2] >> 2 & 3 != 3


def _is_text(header: bytes) -> bool:
    encoding = "utf-16" if header.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    try:
        # What is cut in the midst of a character is no error.
        text = codecs.getincrementaldecoder(encoding)().decode(header)
    except UnicodeDecodeError:
        return False
    return not any(character < " " and character not in "\t\n\r\f\x1b" for character in text)
