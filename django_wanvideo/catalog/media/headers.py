"""What a file's headers say, read in a process of its own: ``python headers.py KIND [SUFFIX] < file > JSON``.

Nothing is decoded. What reads may still be hung or taken over by a hostile file, so it runs beside the site's process, with
limits, and knows nothing of the site.
"""

from __future__ import annotations

import json
import sys
import zipfile
from typing import IO, Any

from django_wanvideo import processes

#: Seconds of the processor, and bytes of memory.
CPU_SECONDS, MEMORY = 10, 1024**3
#: A part that only files of this kind have.
_OF_OFFICE = (("word/", "DOCX"), ("xl/", "XLSX"), ("ppt/", "PPTX"))
_OF_APPLE = ("key", "pages", "numbers")
_OF_OLD_OFFICE = (("WordDocument", "DOC"), ("PowerPoint Document", "PPT"), ("Workbook", "XLS"), ("Book", "XLS"))
_CHUNK = 1_000_000


def facts(content: IO[bytes], kind: str, suffix: str = "") -> dict[str, Any]:
    """Return what was found, as JSON: ``format``, ``width``, ``height``, ``milliseconds``, ``pages``.

    What is not known is left out. ``error`` says why no model can use the file. Raises whatever a reader raises for a
    file that is damaged.
    """
    if kind == "ZIP":
        return {"format": _packed(content, suffix)}
    if kind == "OLE":
        return {"format": _old_office(content)}
    if kind == "PDF":
        return _pages(content)
    return _streams(content, kind)


def _streams(content: IO[bytes], kind: str) -> dict[str, Any]:
    try:
        from pymediainfo import MediaInfo
    except ImportError:
        return {}
    if not MediaInfo.can_parse():
        return {}
    tracks: list[Any] = []
    # Slower, all headers within the file are read too; only files that are written piece by piece need that.
    for speed in (0, 1):
        content.seek(0)
        tracks = MediaInfo.parse(content, parse_speed=speed).tracks
        if any(track.duration for track in tracks):
            break
    whole = next((track for track in tracks if track.track_type == "General"), None)
    picture = next((track for track in tracks if track.track_type == "Video"), None)
    sound = next((track for track in tracks if track.track_type == "Audio"), None)
    if whole is None or not (picture or sound) or whole.istruncated == "Yes":
        return {"error": "damaged"}
    found: dict[str, Any] = {}
    if kind in {"MP4", "MOV"}:
        if picture is None:
            return {"format": "M4A"}
        if not (picture.width and picture.height and whole.duration):
            return {"error": "damaged"}
        found = {"width": int(picture.width), "height": int(picture.height)}
    elif sound is None:
        return {"error": "damaged"}
    elif kind == "MP3" and sound.format_profile != "Layer 3":
        return {"format": str(sound.format)[:40]}
    if whole.duration:
        found["milliseconds"] = round(float(whole.duration))
    return found


def _packed(content: IO[bytes], suffix: str) -> str:
    with zipfile.ZipFile(content) as archive:
        names = archive.namelist()
    if "[Content_Types].xml" in names:
        return next((kind for part, kind in _OF_OFFICE if any(name.startswith(part) for name in names)), "ZIP")
    if any(name.endswith((".iwa", "Index.zip", "index.apxl", "index.xml")) for name in names):
        is_slides = any("Slide" in name or name == "index.apxl" for name in names)
        return (suffix if suffix in _OF_APPLE else "key" if is_slides else "pages").upper()
    return "ZIP"


def _old_office(content: IO[bytes]) -> str:
    """Return the kind by the name of its main part, which is written out in the file's directory."""
    names = [(name.encode("utf-16-le") + b"\0\0", kind) for name, kind in _OF_OLD_OFFICE]
    found = set()
    before = b""
    while chunk := content.read(_CHUNK):
        found |= {kind for name, kind in names if name in before + chunk}
        before = chunk[-64:]
    return next((kind for _name, kind in names if kind in found), "OLE")


def _pages(content: IO[bytes]) -> dict[str, Any]:
    try:
        from pypdf import PdfReader
        from pypdf.errors import DependencyError
    except ImportError:
        return {}
    reader = PdfReader(content)
    try:
        if reader.is_encrypted and not reader.decrypt(""):
            return {"error": "locked"}
    except DependencyError:
        return {}
    return {"pages": len(reader.pages)}


def main() -> None:
    processes.limit(CPU_SECONDS, MEMORY)
    sys.stdout.write(json.dumps(facts(sys.stdin.buffer, *sys.argv[1:])))


if __name__ == "__main__":
    main()
