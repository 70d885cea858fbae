"""What is sent of a picture: upright, in the colours of the web, fitting, and nothing but the picture."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib

import pytest
from django.core.exceptions import ValidationError
from PIL import Image, ImageFile, PngImagePlugin

from django_wanvideo import catalog
from django_wanvideo.catalog import images
from django_wanvideo.catalog.images import as_uploadable, check_image, files, fit, inspect_image, size_to_send
from tests.catalog.phone import SECRETS, exif_of, is_upright, photo, png_chunk, png_with, scene, wide_gamut
from tests.pictures import noise, saved

FRAME = catalog.get("wan2.6-image-to-video-flash").input("first_frame")


def sent(fileobj, **options):
    """Return what is uploaded of a picture, as bytes and as a picture."""
    facts = inspect_image(fileobj, convertible=True)
    before = fileobj.read()
    fileobj.seek(0)
    content, content_type, extension = as_uploadable(fileobj, facts, **options)
    data = content.read()
    fileobj.seek(0)
    assert fileobj.read() == before, "what was given is left as it is"
    fileobj.seek(0)
    image = Image.open(io.BytesIO(data))
    image.load()
    assert content_type == f"image/{image.format.lower()}"
    assert {"jpg": "JPEG"}.get(extension, extension.upper()) == image.format
    return data, image


@pytest.mark.fault("K9.turned-photos")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_goes_out_upright_and_says_nothing_of_itself(orientation, kind):
    given = photo(orientation, kind)
    facts = inspect_image(given)
    data, image = sent(given)
    assert (facts.width, facts.height) == image.size == (800, 600)
    assert is_upright(image)
    assert [secret for secret in SECRETS if secret in data] == []
    assert not image.getexif()
    assert not {"exif", "xmp", "comment", "icc_profile"} & set(image.info)


ODD_WAYS = {
    "0": (3, struct.pack("<HH", 0, 0)),
    "9": (3, struct.pack("<HH", 9, 0)),
    "text": (2, b"6\x00\x00\x00"),
    "a fraction": (11, struct.pack("<f", 6.5)),
    "bytes": (7, b"\x06\x00\x00\x00"),
    "a kind that does not exist": (99, b"\x06\x00\x00\x00"),
}


@pytest.mark.fault("K9.turned-photos")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("way", ODD_WAYS.values(), ids=ODD_WAYS)
def test_a_way_to_turn_that_does_not_exist_turns_nothing(way, kind):
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00" + struct.pack("<HHI", 0x0112, way[0], 1) + way[1] + bytes(4)
    given = saved(scene(), kind, exif=exif)
    facts = inspect_image(given)
    data, image = sent(given)
    assert (facts.width, facts.height) == image.size == (800, 600)
    assert is_upright(image)
    assert exif[6:] not in data


@pytest.mark.fault("K9.turned-photos")
@pytest.mark.parametrize(
    "exif", [b"Exif\x00\x00", b"Exif\x00\x00MM\x00*\xff\xff\xff\xff", b"Exif\x00\x00" + os.urandom(99)]
)
def test_exif_that_cannot_be_read_does_no_harm_and_does_not_go_out(exif):
    given = saved(scene(), "JPEG", exif=exif)
    assert (inspect_image(given).width, b"Exif" in sent(given)[0]) == (800, False)


@pytest.mark.fault("K9.metadata-goes-out")
def test_pixels_that_stand_upright_are_not_encoded_anew():
    given = photo()
    data, image = sent(given)
    assert image.tobytes() == Image.open(given).tobytes()
    assert len(data) < len(given.getvalue())


@pytest.mark.fault("K9.metadata-goes-out")
def test_what_a_camera_hangs_behind_the_picture_stays_here():
    given = io.BytesIO(photo().getvalue() + b"\x00\x00\x00\x18ftypmp42 a clip with a voice")
    assert inspect_image(given).width == 800
    assert b"voice" not in sent(given)[0]


@pytest.mark.fault("K9.metadata-goes-out")
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("restart", [0, 7])
def test_scans_of_every_make_survive(progressive, restart):
    given = saved(Image.effect_noise((641, 479), 90).convert("RGB"), "JPEG", progressive=progressive, quality=100)
    given = saved(Image.open(given), "JPEG", progressive=progressive, restart_marker_blocks=restart, comment="x")
    data, image = sent(given)
    assert image.tobytes() == Image.open(given).tobytes()
    assert data == given.getvalue().replace(b"\xff\xfe\x00\x03x", b"")


@pytest.mark.fault("K9.colours")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_other_colours_become_those_of_the_web(kind):
    _data, image = sent(saved(Image.new("RGB", (640, 480), (255, 0, 0)), kind, icc_profile=wide_gamut()))
    red, green, _blue = image.convert("RGB").getpixel((300, 200))
    assert green > 200
    assert red < 80


@pytest.mark.fault("K9.colours")
@pytest.mark.parametrize("profile", [b"no profile at all", wide_gamut()[:200], b"\x00" * 5000])
def test_a_profile_that_is_none_is_left_out(profile):
    data, image = sent(saved(scene(), "JPEG", icc_profile=profile))
    assert is_upright(image)
    assert b"ICC_PROFILE" not in data


@pytest.mark.fault("K9.colours")
def test_colours_of_print_become_those_of_the_web():
    _data, image = sent(saved(scene().convert("CMYK"), "JPEG"))
    assert image.mode == "RGB"
    assert is_upright(image)


# PNG with much beside it -------------------------------------------------------------------------------------------

BESIDE = {
    "3 MB of packed text": png_chunk(b"zTXt", b"workflow\x00\x00" + zlib.compress(b"x" * 3_000_000)),
    "2 MB of text": png_chunk(b"tEXt", b"prompt\x00" + b"y" * 2_000_000),
    "70 MB of packed text": png_chunk(b"iTXt", b"p\x00\x01\x00\x00\x00" + zlib.compress(b"y" * 70_000_000)),
    "a profile of 2 MB": png_chunk(b"iCCP", b"p\x00\x00" + zlib.compress(os.urandom(2_000_000))),
    "a profile of 20 MB": png_chunk(b"iCCP", b"p\x00\x00" + zlib.compress(b"\x00" * 20_000_000)),
    "a damaged profile": png_chunk(b"iCCP", b"p\x00\x00" + b"nothing packed"),
    "a damaged text": png_chunk(b"zTXt", b"p\x00\x00nothing packed"),
    "a wrong checksum": png_chunk(b"tEXt", b"prompt\x00y")[:-1] + b"\x00",
    "a chunk of its own": png_chunk(b"caBX", b"z" * 100_000),
}


@pytest.mark.fault("K9.png-with-much-text")
@pytest.mark.parametrize("chunk", BESIDE.values(), ids=BESIDE)
def test_a_png_with_much_or_odd_beside_its_pixels_is_a_good_picture(chunk):
    given = png_with(chunk)
    facts = inspect_image(given)
    check_image(facts, FRAME)
    data, image = sent(given)
    assert is_upright(image)
    assert len(data) < 20_000


# What the site has set Pillow to -----------------------------------------------------------------------------------


@pytest.fixture(params=[False, True], ids=["strict", "lenient"])
def pillow(request, monkeypatch):
    """A site that has told Pillow to overlook what is missing, or has not."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", request.param)


@pytest.mark.fault("K9.half-a-jpeg-on-a-lenient-site")
@pytest.mark.parametrize("kept", [0.3, 0.5, 0.9, 0.99])
@pytest.mark.parametrize(
    "options", [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {}), ("BMP", {})]
)
def test_half_a_picture_is_cut_off_whatever_the_site_has_set(pillow, options, kept):
    data = noise(options[0], **options[1]).getvalue()
    with pytest.raises(ValidationError) as caught:
        inspect_image(io.BytesIO(data[: int(len(data) * kept)]))
    assert caught.value.code == "damaged"
    assert "cut off" in caught.value.messages[0]


@pytest.mark.fault("K9.half-a-jpeg-on-a-lenient-site")
@pytest.mark.parametrize("kind", ["AVIF", "TIFF", "HEIC"])
def test_half_a_picture_that_would_be_converted_is_refused(pillow, kind):
    data = converted(kind)

    def make_fit(content):
        given = io.BytesIO(content)
        return fit(given, inspect_image(given, convertible=True), FRAME)

    assert make_fit(data) == (800, 600)
    with pytest.raises(ValidationError) as caught:
        make_fit(data[: len(data) // 2])
    assert {error.code for error in caught.value.error_list} == {"damaged"}


@pytest.mark.fault("K9.half-a-jpeg-on-a-lenient-site")
def test_half_of_a_large_photo_is_refused_when_it_is_made_smaller(pillow):
    data = noise("JPEG", (2600, 2400)).getvalue()
    given = io.BytesIO(data[: len(data) // 2])
    with pytest.raises(ValidationError, match="cut off"):
        fit(given, inspect_image(given), FRAME)


@pytest.mark.fault("K9.half-a-jpeg-on-a-lenient-site")
def test_a_decoder_that_gives_up_is_heard(pillow):
    data = bytearray(noise("JPEG").getvalue())
    at = data.index(b"\xff\xc4") + 4
    data[at : at + 17] = b"\x00" + b"\xff" * 16
    with pytest.raises(ValidationError) as caught:
        inspect_image(io.BytesIO(bytes(data)))
    assert caught.value.code == "damaged"


@pytest.mark.fault("K9.settings-of-pillow")
@pytest.mark.parametrize("limit", [1, 1000, None])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "AVIF"])
def test_the_verdict_does_not_depend_on_pillows_limit_of_pixels(monkeypatch, kind, limit):
    data = converted(kind) if kind in files.CONVERTIBLE else noise(kind).getvalue()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    given = io.BytesIO(data)
    facts = inspect_image(given, convertible=True)
    assert fit(given, facts, FRAME) == (facts.width, facts.height)


@pytest.mark.fault("K9.settings-of-pillow")
def test_the_site_finds_pillow_as_it_left_it():
    # Drawn first: to write a kind of picture, Pillow loads what it has for all kinds.
    plain = [noise(kind) for kind in ("JPEG", "PNG", "WEBP", "BMP")]
    convertibles = [io.BytesIO(converted(kind)) for kind in ("TIFF", "AVIF", "HEIC")]
    before = (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, dict(Image.OPEN))
    for given in plain:
        inspect_image(given)
    for given in convertibles:
        inspect_image(given, convertible=True)
    after = (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, dict(Image.OPEN))
    assert after == before


# Made fit ----------------------------------------------------------------------------------------------------------


def converted(kind, image=None, **options):
    """Return ``scene`` as one of the kinds that are taken only to be converted."""
    image = image or scene()
    if kind == "HEIC":
        import pillow_heif

        target = io.BytesIO()
        pillow_heif.from_pillow(image).save(target, quality=80, **options)
        return target.getvalue()
    return saved(image, kind, **options).getvalue()


@pytest.mark.fault("K9.phone-photos-are-refused")
@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((4032, 3024), (2000, 1500)),
        ((3024, 4032), (1500, 2000)),
        ((2001, 400), (2000, 400)),
        ((2400, 2400), (2000, 2000)),
    ],
)
@pytest.mark.parametrize("orientation", [1, 6, 3])
def test_a_photo_of_a_phone_is_made_fit(size, expected, orientation):
    given = photo(orientation, size=size)
    facts = inspect_image(given)
    with pytest.raises(ValidationError):
        check_image(facts, FRAME)
    assert (facts.width, facts.height) == size
    assert fit(given, facts, FRAME) == size_to_send(facts, FRAME) == expected
    data, image = sent(given, fitted=expected, max_bytes=FRAME.max_bytes)
    assert (image.format, image.size) == ("JPEG", expected)
    assert is_upright(image)
    assert [secret for secret in SECRETS if secret in data] == []
    check_image(inspect_image(io.BytesIO(data)), FRAME)
    assert sent(given, fitted=expected, max_bytes=FRAME.max_bytes)[0] == data, "the same each time"


@pytest.mark.fault("K9.other-kinds-are-refused")
@pytest.mark.parametrize("kind", ["AVIF", "TIFF", "HEIC"])
def test_other_kinds_are_made_fit_where_that_is_wanted(kind):
    given = io.BytesIO(converted(kind))
    with pytest.raises(ValidationError) as caught:
        inspect_image(given)
    assert caught.value.messages == [
        f"{kind} cannot be used. Save the picture as JPEG, PNG, WebP or BMP and choose that."
    ]
    facts = inspect_image(given, convertible=True)
    assert (facts.format, facts.width, facts.height) == (kind, 800, 600)
    assert fit(given, facts, FRAME) == (800, 600)
    _data, image = sent(given, fitted=(800, 600))
    assert image.format == "JPEG"
    assert is_upright(image)


@pytest.mark.fault("K9.turned-photos")
@pytest.mark.parametrize("kind", ["AVIF", "TIFF", "HEIC"])
def test_other_kinds_are_turned_too(kind):
    turned = scene().transpose(Image.Transpose.ROTATE_90)
    exif = exif_of(6)
    given = io.BytesIO(converted(kind, turned, exif=exif if kind == "TIFF" else exif.tobytes()))
    facts = inspect_image(given, convertible=True)
    assert (facts.width, facts.height) == (800, 600)
    data, image = sent(given, fitted=(800, 600))
    assert is_upright(image)
    assert [secret for secret in SECRETS if secret in data] == []


@pytest.mark.fault("K9.other-kinds-are-refused")
def test_heic_without_its_reader_is_told_as_such(monkeypatch):
    given = io.BytesIO(converted("HEIC"))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ValidationError, match="This site cannot read HEIC"):
        inspect_image(given, convertible=True)
    assert "heic" not in images.convertible_types()
    assert "avif" in images.convertible_types()


@pytest.mark.fault("K9.opaque-alpha")
@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGBA"), ("PNG", "LA"), ("PNG", "P"), ("TIFF", "RGBA"), ("AVIF", "RGBA")]
)
def test_an_alpha_channel_that_nothing_shows_through_is_dropped(kind, mode):
    image = scene().convert(mode)
    options = {"transparency": 255} if mode == "P" else {}
    given = saved(image, kind, **options)
    facts = inspect_image(given, convertible=True)
    assert facts.has_transparency or kind == "AVIF", "AVIF's writer drops it by itself"
    _data, made = sent(given, fitted=fit(given, facts, FRAME))
    assert (made.mode in {"RGB", "L"}, made.size) == (True, (800, 600))


@pytest.mark.fault("K9.opaque-alpha")
def test_a_picture_that_can_be_seen_through_stays_refused():
    image = scene().convert("RGBA")
    image.putpixel((5, 5), (0, 0, 0, 254))
    given = saved(image, "PNG")
    with pytest.raises(ValidationError) as caught:
        fit(given, inspect_image(given), FRAME)
    assert [error.code for error in caught.value.error_list] == ["transparency"]


@pytest.mark.fault("K9.too-many-bytes")
def test_a_picture_of_too_many_bytes_is_made_fit_at_its_size():
    given = noise("PNG", (1999, 1999), compress_level=0)
    facts = inspect_image(given)
    assert facts.size > FRAME.max_bytes
    data, image = sent(given, fitted=fit(given, facts, FRAME), max_bytes=FRAME.max_bytes)
    assert image.size == (1999, 1999)
    assert len(data) <= FRAME.max_bytes


@pytest.mark.fault("K9.what-stays-refused")
@pytest.mark.parametrize(
    ("make", "codes"),
    [
        (lambda: saved(scene(300, 200), "JPEG"), ["sides"]),
        (lambda: saved(scene(4000, 300), "JPEG"), ["sides"]),
        (lambda: saved(scene(4000, 700), "JPEG"), ["sides"]),
        (lambda: saved(scene(), "WEBP", save_all=True, append_images=[scene().rotate(90)]), ["animated"]),
        (lambda: saved(scene(), "PNG", save_all=True, append_images=[scene().rotate(90)]), ["animated"]),
        (lambda: saved(scene(), "AVIF", save_all=True, append_images=[scene().rotate(90)]), ["animated"]),
        (lambda: saved(scene(), "TIFF", save_all=True, append_images=[scene().rotate(90)]), ["animated"]),
        (
            lambda: saved(scene(100, 100), "WEBP", save_all=True, append_images=[scene(100, 100).rotate(90)]),
            ["animated", "sides"],
        ),
    ],
    ids=["small", "long", "just too long", "webp", "png", "avif", "tiff", "small and moving"],
)
def test_what_no_conversion_repairs_stays_refused(make, codes):
    given = make()
    facts = inspect_image(given, convertible=True)
    assert size_to_send(facts, FRAME) is None
    with pytest.raises(ValidationError) as caught:
        fit(given, facts, FRAME)
    assert [error.code for error in caught.value.error_list] == codes


@pytest.mark.fault("K9.what-stays-refused")
def test_too_many_pixels_are_not_decoded(monkeypatch):
    monkeypatch.setattr("django_wanvideo.catalog.images.conversion.MAX_PIXELS", 6_000_000)
    given = saved(Image.new("L", (3000, 3000)), "PNG")
    with pytest.raises(ValidationError, match="too many pixels"):
        fit(given, inspect_image(given), FRAME)
    given = saved(Image.new("L", (3000, 3000)), "JPEG")
    facts = inspect_image(given)
    monkeypatch.setattr("django_wanvideo.catalog.images.conversion.MAX_PIXELS", 9_000_000)
    assert fit(given, facts, FRAME) == (2000, 2000)


@pytest.mark.parametrize("mode", ["I;16", "L", "1", "P"])
def test_grey_and_palettes_keep_their_brightness(mode):
    image = Image.new("I;16", (640, 480), 40000) if mode == "I;16" else Image.new("L", (640, 480), 156).convert(mode)
    given = saved(image, "PNG")
    _data, made = sent(given, fitted=(640, 480))
    if mode != "1":
        assert abs(made.convert("L").getpixel((300, 200)) - 156) < 4


@pytest.mark.fault("K9.large-photos-fit-into-memory")
def test_48_megapixels_are_made_fit_in_little_memory(tmp_path):
    path = tmp_path / "large.jpg"
    Image.effect_noise((8064, 6048), 40).convert("RGB").save(path, quality=85)
    script = """
import resource, sys, time
import django
from django.conf import settings
settings.configure()
django.setup()
from django_wanvideo import catalog
from django_wanvideo.catalog import images
frame = catalog.get("wan2.6-image-to-video-flash").input("first_frame")
with open(sys.argv[1], "rb") as given:
    facts = images.inspect_image(given)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert images.fit(given, facts, frame) == (2000, 1500)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    # Kilobytes. All its pixels would take 146 MB, and a copy of them as much again.
    assert int(done.stdout) < 100_000, done.stdout


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.filterwarnings("error")
def test_no_flipped_byte_leads_to_anything_but_a_picture_or_a_refusal(kind):
    original = photo(6, kind, (400, 400)).getvalue()
    for position in [*range(200), *range(200, len(original), max(1, len(original) // 60))]:
        data = bytearray(original)
        data[position] ^= 0xFF
        given = io.BytesIO(bytes(data))
        try:
            facts = inspect_image(given)
            content, _type, _extension = as_uploadable(given, facts)
            if not facts.is_animated:
                content, _type, _extension = as_uploadable(given, facts, fitted=(400, 400))
        except ValidationError:
            continue
        assert Image.open(content).size == (400, 400)


def test_each_kind_is_known_by_its_first_bytes():
    assert files.kind_of(b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf") == "AVIF"
    assert files.kind_of(b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1heicmiaf") == "HEIC"
    assert files.kind_of(b"II+\x00") == "TIFF"
    assert files.kind_of(b"") == ""
