"""Pictures as phones, cameras and programs write them."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image, ImageCms, ImageDraw

#: Place, camera and serial number, as they stand in the files below.
SECRETS = (b"52 31 12 N", b"Phone 15 Pro", b"SN-4711", b"hidden in a comment", b"xmp-secret")


def scene(width: int = 800, height: int = 600) -> Image.Image:
    """A picture of which every side can be told: red at the left, green at the top, blue at the right."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width // 8, height), fill="red")
    draw.rectangle((width // 8, 0, width, height // 8), fill=(0, 160, 0))
    draw.rectangle((width - width // 8, height // 8, width, height), fill="blue")
    return image


def is_upright(image: Image.Image) -> bool:
    """Tell whether a picture is ``scene`` as it was drawn."""
    rgb, (width, height) = image.convert("RGB"), image.size

    def is_like(place: tuple[int, int], colour: tuple[int, int, int]) -> bool:
        return all(abs(a - b) < 40 for a, b in zip(rgb.getpixel(place), colour, strict=True))

    return (
        is_like((width // 20, height // 2), (255, 0, 0))
        and is_like((width // 2, height // 20), (0, 160, 0))
        and is_like((width - width // 20, height // 2), (0, 0, 255))
        and is_like((width // 2, height - height // 20), (255, 255, 255))
    )


_UNDO = {
    1: (),
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_90,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_270,),
}


def exif_of(orientation: object = 1) -> Image.Exif:
    """EXIF with a way to turn, the camera, and the place."""
    exif = Image.Exif()
    exif[0x0110] = "Phone 15 Pro"
    exif[0x0112] = orientation
    exif.get_ifd(0x8769)[0xA431] = "SN-4711"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 0x1D: "52 31 12 N"})
    return exif


def photo(
    orientation: int = 1, kind: str = "JPEG", size: tuple[int, int] = (800, 600), **options: object
) -> io.BytesIO:
    """``scene`` as a phone stores it that was held in another way, with all that it writes beside it."""
    image = scene(*size)
    for step in _UNDO[orientation]:
        image = image.transpose(step)
    target = io.BytesIO()
    if kind == "JPEG":
        options = {"comment": "hidden in a comment", "quality": 92, "xmp": b"<x>xmp-secret</x>"} | options
    image.save(target, kind, exif=exif_of(orientation).tobytes(), **options)
    target.seek(0)
    return target


def wide_gamut() -> bytes:
    """A colour profile with other primaries than those of the web, as phones use."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    places = {}
    for number in range(count):
        name, at, length = struct.unpack(">4sII", profile[132 + 12 * number : 144 + 12 * number])
        places[name] = (at, length)
    at, length = places[b"desc"]
    profile[at : at + length] = bytes(profile[at : at + length]).replace(
        "sRGB".encode("utf-16-be"), "Wide".encode("utf-16-be")
    )
    profile[at : at + length] = bytes(profile[at : at + length]).replace(b"sRGB", b"Wide")
    # Red and green change places: what is red by this profile is green on the web.
    red, green = places[b"rXYZ"][0], places[b"gXYZ"][0]
    profile[red : red + 20], profile[green : green + 20] = profile[green : green + 20], profile[red : red + 20]
    return bytes(profile)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with(*chunks: bytes, size: tuple[int, int] = (800, 600)) -> io.BytesIO:
    """``scene`` as a PNG with further chunks after its header."""
    target = io.BytesIO()
    scene(*size).save(target, "PNG")
    data = target.getvalue()
    return io.BytesIO(data[:33] + b"".join(chunks) + data[33:])
