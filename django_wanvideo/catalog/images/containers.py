"""The structure of picture files: which of their bytes are the picture, and which only say something about it.

Nothing is decoded here. Cameras write place, time and device beside the pixels, and whole second pictures and clips
behind them; none of it is to leave the site.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: Bytes of a colour profile that are looked at; the largest in use have half of that.
_MAX_PROFILE = 4_000_000
#: Of a PNG's chunks, those that pixels need to come out right.
_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"IDAT", b"IEND"})
_WEBP_KEPT = frozenset({b"VP8X", b"ALPH", b"VP8 ", b"VP8L", b"ANIM", b"ANMF"})
_WEBP_PROFILE, _WEBP_EXIF, _WEBP_XMP = 0x20, 0x08, 0x04
#: In the data of a scan: a marker that is neither a stuffed byte nor a restart.
_JPEG_AFTER_SCAN = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xff])")
_JFIF = b"JFIF\x00"
#: Bytes of JFIF's segment without a small picture in it.
_JFIF_LENGTH = 16


class CutOffError(ValueError):
    """The end of the file is missing."""


class BrokenError(ValueError):
    """The file does not have the structure of its kind."""


@dataclass(slots=True)
class Layout:
    """What a file consists of."""

    #: The picture alone, as a file of the same kind.
    stripped: bytes
    #: EXIF data and a colour profile that were beside it, or nothing.
    exif: bytes = b""
    profile: bytes = b""
    is_animated: bool = False
    #: Width and height in pixels where they are known without decoding.
    size: tuple[int, int] | None = None


def layout(kind: str, data: bytes) -> Layout:
    """Return the layout of a JPEG, PNG or WebP; other kinds are left as they are.

    Raises CutOffError or BrokenError.
    """
    read = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp}.get(kind)
    return read(data) if read else Layout(data)


def _jpeg(data: bytes) -> Layout:
    found = Layout(b"")
    parts = [b"\xff\xd8"]
    profile: dict[int, bytes] = {}
    at = 2
    while True:
        marker = _JPEG_MARKER.search(data, at)
        if marker is None:
            raise CutOffError("there is no end-of-image marker")
        kind, at = marker[1][0], marker.end()
        if kind == 0xD9:
            parts.append(b"\xff\xd9")
            break
        if 0xD0 <= kind <= 0xD8 or kind == 0x01:
            continue
        if at + 2 > len(data):
            raise CutOffError("a segment has no length")
        length = int.from_bytes(data[at : at + 2], "big")
        if length < 2:
            raise BrokenError("a segment is shorter than its length")
        body = data[at + 2 : at + length]
        segment = b"\xff" + marker[1] + data[at : at + length]
        at += length
        if at > len(data):
            raise CutOffError("a segment is cut off")
        if kind == 0xDA:
            following = _JPEG_AFTER_SCAN.search(data, at)
            end = following.start() if following else len(data)
            parts += [segment, data[at:end]]
            at = end
        elif kind == 0xE1 and body.startswith(b"Exif\x00"):
            found.exif = found.exif or body
        elif kind == 0xE2 and body.startswith(b"ICC_PROFILE\x00") and len(body) > 14:
            profile[body[12]] = body[14:]
        elif _is_needed(kind, body, length):
            parts.append(segment)
    found.profile = b"".join(profile[number] for number in sorted(profile))[:_MAX_PROFILE]
    found.stripped = b"".join(parts)
    return found


def _is_needed(kind: int, body: bytes, length: int) -> bool:
    """Tell whether a JPEG's segment is needed to decode it: tables and frames, JFIF and Adobe's note on colours."""
    if kind == 0xE0:
        return body.startswith(_JFIF) and length == _JFIF_LENGTH
    if kind == 0xEE:
        return body.startswith(b"Adobe")
    return not (0xE1 <= kind <= 0xEF or kind == 0xFE)


def _png(data: bytes) -> Layout:
    found = Layout(b"")
    parts = [PNG_SIGNATURE]
    at = len(PNG_SIGNATURE)
    kind = b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise CutOffError("the last chunk is missing")
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        end = at + 12 + length
        if end > len(data):
            raise CutOffError("a chunk is cut off")
        body = data[at + 8 : end - 4]
        # What is dropped may be as wrong as it likes; the picture has to be right.
        is_picture = kind in _PNG_KEPT or not kind[0] & 0x20
        if is_picture and zlib.crc32(kind + body) != int.from_bytes(data[end - 4 : end], "big"):
            raise BrokenError("a chunk has another checksum")
        if is_picture:
            parts.append(data[at:end])
        elif kind == b"eXIf":
            found.exif = b"Exif\x00\x00" + body
        elif kind == b"iCCP":
            found.profile = _unpacked(body)
        elif kind == b"acTL":
            found.is_animated = int.from_bytes(body[:4], "big") > 1
        if kind == b"IHDR" and length == 13:
            found.size = struct.unpack(">II", body[:8])
        at = end
    found.stripped = b"".join(parts)
    return found


def _unpacked(body: bytes) -> bytes:
    """Return the profile of an iCCP chunk, or nothing where it is damaged or too large."""
    _name, _zero, packed = body.partition(b"\x00")
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress(packed[1:], _MAX_PROFILE)
    except zlib.error:
        return b""
    return b"" if unpacking.unconsumed_tail else profile


def _webp(data: bytes) -> Layout:
    found = Layout(b"")
    chunks: list[bytes] = []
    frames = 0
    at, end = 12, 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise CutOffError("the file is shorter than it says")
    while at + 8 <= end:
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body, start = data[at + 8 : at + 8 + length], at
        at += 8 + length + length % 2
        if len(body) < length:
            raise CutOffError("a chunk is cut off")
        if kind == b"VP8X" and length >= 10:
            kept_flags = body[0] & ~(_WEBP_PROFILE | _WEBP_EXIF | _WEBP_XMP)
            chunks.append(data[start : start + 8] + bytes([kept_flags]) + body[1:])
        elif kind in _WEBP_KEPT:
            chunks.append(data[start:at])
        elif kind == b"EXIF":
            found.exif = body if body.startswith(b"Exif\x00") else b"Exif\x00\x00" + body
        elif kind == b"ICCP":
            found.profile = body[:_MAX_PROFILE]
        found.size = found.size or _webp_size(kind, body)
        frames += kind == b"ANMF"
    found.is_animated = frames > 1
    joined = b"".join(chunks)
    found.stripped = b"RIFF" + (len(joined) + 4).to_bytes(4, "little") + b"WEBP" + joined
    return found


def _webp_size(kind: bytes, body: bytes) -> tuple[int, int] | None:
    if kind == b"VP8X" and len(body) >= 10:
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8 " and len(body) >= 10:
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None
