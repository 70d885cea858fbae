from __future__ import annotations

import io
import itertools
import re
import struct
import zlib

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, PngImagePlugin

from django_wanvideo import catalog
from django_wanvideo.catalog.images import MAX_READ_BYTES, ImageFacts, as_uploadable, check_image, inspect_image
from tests.pictures import noise

FRAME = catalog.get("wan2.6-image-to-video-flash").input("first_frame")
TIMES = "\N{MULTIPLICATION SIGN}"


def codes(facts, spec=FRAME):
    try:
        check_image(facts, spec)
    except ValidationError as error:
        return [problem.code for problem in error.error_list]
    return []


def refusal(fileobj):
    with pytest.raises(ValidationError) as caught:
        inspect_image(fileobj)
    return caught.value


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "BMP"])
def test_each_format_is_known_by_its_content(name):
    fileobj = noise(name)
    facts = inspect_image(fileobj)
    assert facts == ImageFacts(name, 640, 480, len(fileobj.getvalue()), has_transparency=False)
    assert codes(facts) == []


@pytest.mark.parametrize("wrap", [lambda data: SimpleUploadedFile("photo.gif", data, "image/gif"), ContentFile])
def test_name_and_declared_type_are_ignored(wrap):
    assert inspect_image(wrap(noise("JPEG").getvalue())).format == "JPEG"


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "BMP"])
def test_the_file_stays_open_and_is_left_at_its_beginning(name):
    fileobj = noise(name)
    fileobj.seek(17)
    facts = inspect_image(fileobj)
    assert fileobj.tell() == 0
    sent, _type, _extension = as_uploadable(fileobj, facts)
    assert sent.tell() == 0
    assert not fileobj.closed
    assert fileobj.tell() == 0


def test_the_file_is_left_at_its_beginning_after_a_refusal_too():
    fileobj = io.BytesIO(b"no picture at all")
    refusal(fileobj)
    assert fileobj.tell() == 0


def test_the_many_pictures_of_a_phones_jpeg_count_as_one():
    target = io.BytesIO()
    first = Image.new("RGB", (640, 480), "navy")
    first.save(target, "MPO", save_all=True, append_images=[Image.new("RGB", (640, 480), "teal")])
    facts = inspect_image(target)
    assert (facts.format, facts.is_animated) == ("JPEG", False)
    sent, content_type, extension = as_uploadable(target, facts)
    assert (content_type, extension) == ("image/jpeg", "jpg")
    assert len(sent.read()) < len(target.getvalue()) / 1.5, "the second one stays here"


def test_a_cmyk_jpeg_is_taken():
    assert codes(inspect_image(noise("JPEG", mode="CMYK"))) == []


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(("orientation", "size"), [(1, (640, 480)), (3, (640, 480)), (6, (480, 640)), (8, (480, 640))])
def test_width_and_height_are_those_of_the_picture_as_shown(name, orientation, size):
    exif = Image.Exif()
    exif[0x0112] = orientation
    facts = inspect_image(noise(name, exif=exif.tobytes()))
    assert (facts.width, facts.height) == size


def with_transparent_colour():
    target = io.BytesIO()
    Image.new("P", (640, 480)).save(target, "PNG", transparency=0)
    return target


def opaque(mode):
    target = io.BytesIO()
    Image.new("RGB", (640, 480), "red").convert(mode).save(target, "PNG")
    return target


@pytest.mark.parametrize(
    "make",
    [
        lambda: noise("PNG", mode="RGBA"),
        lambda: noise("PNG", mode="LA"),
        lambda: noise("WEBP", mode="RGBA"),
        lambda: noise("WEBP", mode="RGBA", lossless=True),
        with_transparent_colour,
        lambda: noise("PNG", mode="RGB", transparency=(1, 2, 3)),
        lambda: opaque("RGBA"),
        lambda: opaque("LA"),
    ],
    ids=["rgba", "la", "webp", "webp-lossless", "palette", "rgb-colour", "opaque-rgba", "opaque-la"],
)
def test_alpha_channel_or_transparent_colour(make):
    """An alpha channel or transparent colour is refused with the repair used or not."""
    facts = inspect_image(make())
    assert facts.has_transparency
    with pytest.raises(ValidationError, match="Save it as JPEG, or as PNG without transparency"):
        check_image(facts, FRAME)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_a_png_without_alpha_is_taken(mode):
    assert codes(inspect_image(noise("PNG", mode=mode))) == []


def moving(name):
    target = io.BytesIO()
    frames = [Image.new("RGB", (640, 480), colour) for colour in ("red", "green", "blue")]
    frames[0].save(target, name, save_all=True, append_images=frames[1:], duration=100)
    return target


@pytest.mark.parametrize("name", ["PNG", "WEBP"])
def test_a_moving_picture_is_refused(name):
    assert "animated" in codes(inspect_image(moving(name)))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (lambda: moving("GIF").getvalue(), "GIF"),
        (lambda: noise("TIFF").getvalue(), "TIFF"),
        (lambda: b"\x00\x00\x00\x20ftypheic" + bytes(100), "HEIC"),
        (lambda: b"\x00\x00\x00\x20ftypavif" + bytes(100), "AVIF"),
        (lambda: b"%PDF-1.7 ...", "PDF"),
        (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    ],
)
def test_a_well_known_kind_of_file_is_refused_by_its_name(content, word):
    error = refusal(io.BytesIO(content()))
    assert error.code == "format"
    assert error.messages == [f"{word} cannot be used. Save the picture as JPEG, PNG, WebP or BMP and choose that."]


@pytest.mark.parametrize(
    "content",
    [
        b"hello",
        b"\x00" * 4000,
        b"<html>404</html>",
        b"\x00\x00\x00\x20ftypisom" + bytes(100),
        b"P6 9 9 255 " + bytes(243),
    ],
)
def test_what_is_no_picture_is_refused(content):
    assert refusal(io.BytesIO(content)).code == "not_an_image"


def test_an_empty_file_is_called_empty():
    assert refusal(io.BytesIO()).code == "empty"


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "BMP"])
@pytest.mark.parametrize("kept", [0.01, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_refused(name, kept):
    data = noise(name).getvalue()
    error = refusal(io.BytesIO(data[: int(len(data) * kept)]))
    assert error.code in {"damaged", "not_an_image"}


def test_a_png_without_its_last_chunk_is_refused():
    assert refusal(io.BytesIO(noise("PNG").getvalue()[:-12])).code == "damaged"


def test_a_png_with_a_wrong_checksum_is_refused():
    data = bytearray(noise("PNG").getvalue())
    data[-14] ^= 0xFF
    assert refusal(io.BytesIO(bytes(data))).code == "damaged"


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "BMP"])
def test_no_flipped_byte_leads_to_anything_but_facts_or_a_refusal(name):
    original = noise(name, size=(400, 400)).getvalue()
    refused = 0
    for position in [*range(120), *range(120, len(original), len(original) // 40)]:
        data = bytearray(original)
        data[position] ^= 0xFF
        try:
            assert inspect_image(io.BytesIO(bytes(data))).format == name
        except ValidationError:
            refused += 1
    assert refused > 0


def png_claiming(width, height):
    """Return a small PNG whose header claims a huge picture."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(100))), chunk(b"IEND", b"")]
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def forbid_decoding(monkeypatch):
    def load(self):
        raise AssertionError("The pixels were decoded.")

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)


def test_a_picture_with_long_sides_is_refused_by_its_header_alone(monkeypatch):
    forbid_decoding(monkeypatch)
    facts = inspect_image(png_claiming(9000, 9000))
    assert (facts.width, facts.height, facts.is_decoded) == (9000, 9000, False)
    assert codes(facts) == ["sides"]


def test_a_decompression_bomb_is_refused_by_its_header_alone(monkeypatch):
    forbid_decoding(monkeypatch)
    assert refusal(png_claiming(100_000, 100_000)).code == "too_many_pixels"


@pytest.mark.parametrize("limit", [None, 1000, 10**12])
def test_a_decompression_bomb_is_refused_whatever_pillows_guard_is_set_to(monkeypatch, limit):
    forbid_decoding(monkeypatch)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    assert refusal(png_claiming(100_000, 100_000)).code == "too_many_pixels"


def test_a_small_file_that_decodes_to_a_large_picture_costs_its_sides_only():
    target = io.BytesIO()
    Image.new("L", (8000, 8000)).save(target, "PNG")
    facts = inspect_image(target)
    assert (facts.width, facts.is_decoded) == (8000, False)


def test_a_huge_file_is_refused_unread():
    class Huge(io.BytesIO):
        def read(self, *args):
            raise AssertionError("The file was read.")

        def tell(self):
            return MAX_READ_BYTES + 1

    error = refusal(Huge(b"RIFF"))
    assert error.code == "max_bytes"
    assert "50.01\xa0MB" in error.messages[0]


def test_memory_trouble_is_not_called_a_damaged_picture(monkeypatch):
    def load(self):
        raise MemoryError

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    with pytest.raises(MemoryError):
        inspect_image(noise("PNG"))


def facts(**changes):
    values = {"format": "JPEG", "width": 640, "height": 480, "size": 1000, "has_transparency": False}
    return ImageFacts(**values | changes)


@pytest.mark.parametrize(
    ("width", "height", "fits"),
    [
        (360, 360, True),
        (2000, 2000, True),
        (360, 2000, True),
        (359, 360, False),
        (360, 359, False),
        (2001, 2000, False),
        (2000, 2001, False),
    ],
)
def test_each_side_has_360_to_2000_pixels_both_inclusive(width, height, fits):
    assert codes(facts(width=width, height=height)) == ([] if fits else ["sides"])


@pytest.mark.parametrize(
    ("size", "repair"),
    [
        ((4032, 2268), f"Make it smaller, for example 2000 {TIMES} 1125."),
        ((2268, 4032), f"Make it smaller, for example 1125 {TIMES} 2000."),
        ((300, 200), f"Choose a larger one, at least 540 {TIMES} 360."),
        ((3000, 300), "Crop it: one side is too long for the other."),
        ((1900, 100), "Crop it: one side is too long for the other."),
        ((2000, 1), "Crop it: one side is too long for the other."),
    ],
)
def test_a_picture_of_the_wrong_size_is_told_its_size_and_one_that_fits(size, repair):
    with pytest.raises(ValidationError) as caught:
        check_image(facts(width=size[0], height=size[1]), FRAME)
    assert caught.value.messages == [
        f"This picture is {size[0]} {TIMES} {size[1]} pixels; each side must have 360 to 2000. {repair}",
    ]


def test_a_size_that_is_recommended_fits():
    recommended = 0
    for width, height in itertools.product(range(201, 9000, 173), (200, 361, 999, 2500, 7777)):
        try:
            check_image(facts(width=width, height=height), FRAME)
        except ValidationError as error:
            if size := re.search(rf"(?:example|least) (\d+) {TIMES} (\d+)", error.messages[0]):
                assert codes(facts(width=int(size[1]), height=int(size[2]))) == []
                recommended += 1
    assert recommended > 50


@pytest.mark.parametrize(("size", "fits"), [(10_000_000, True), (10_000_001, False)])
def test_a_picture_has_at_most_10_mb(size, fits):
    assert codes(facts(size=size)) == ([] if fits else ["max_bytes"])


def test_a_size_just_over_the_limit_does_not_read_like_the_limit():
    with pytest.raises(ValidationError) as caught:
        check_image(facts(size=10_000_001), FRAME)
    assert "This picture has 10.01\xa0MB; at most 10\xa0MB are taken." in caught.value.messages[0]


def test_all_problems_of_a_picture_are_told_at_once():
    bad = facts(format="GIF", width=100, size=11_000_000, has_transparency=True, is_animated=True)
    assert codes(bad) == ["format", "animated", "transparency", "max_bytes", "sides"]


def test_a_picture_that_was_not_decoded_is_never_let_through():
    assert codes(facts(is_decoded=False)) == ["too_many_pixels"]


@pytest.mark.parametrize(
    ("name", "content_type", "extension"),
    [("JPEG", "image/jpeg", "jpg"), ("PNG", "image/png", "png"), ("WEBP", "image/webp", "webp")],
)
def test_what_the_file_service_takes_is_uploaded_as_it_is(name, content_type, extension):
    fileobj = noise(name)
    assert as_uploadable(fileobj, inspect_image(fileobj)) == (fileobj, content_type, extension)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_a_bmp_is_uploaded_as_a_png_with_the_same_pixels(mode):
    fileobj = noise("BMP", mode=mode)
    sent, content_type, extension = as_uploadable(fileobj, inspect_image(fileobj))
    with sent:
        assert (content_type, extension) == ("image/png", "png")
        assert sent.tell() == 0
        assert codes(inspect_image(sent)) == []
        with Image.open(sent) as png, Image.open(fileobj) as bmp:
            assert png.format == "PNG"
            assert png.convert("RGB").tobytes() == bmp.convert("RGB").tobytes()


def test_the_largest_bmp_stays_under_the_limit_as_a_png():
    fileobj = noise("BMP", size=(1820, 1820))
    facts_before = inspect_image(fileobj)
    assert codes(facts_before) == []
    assert facts_before.size > 9_900_000
    sent, _type, _extension = as_uploadable(fileobj, facts_before)
    with sent:
        assert codes(inspect_image(sent)) == []


def test_a_bmp_that_was_cut_off_meanwhile_is_not_sent():
    cut = io.BytesIO(noise("BMP").getvalue()[:1000])
    with pytest.raises(ValidationError, match="cut off"):
        as_uploadable(cut, facts(format="BMP"))
    assert cut.tell() == 0
