"""Pictures for tests and screenshots, drawn with Pillow: each is another scene, none looks like a test card."""

from __future__ import annotations

import io
import math
import random
from functools import cache
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Callable

Colour = tuple[int, int, int]
SIZE = (1280, 720)


def picture(scene: str, size: tuple[int, int] = SIZE) -> io.BytesIO:
    """Draw a scene of ``SCENES`` as a JPEG file with a name; ``size`` in pixels."""
    target = io.BytesIO(_drawn(scene, size))
    target.name = f"{scene}.jpg"
    return target


@cache
def _drawn(scene: str, size: tuple[int, int]) -> bytes:
    target = io.BytesIO()
    SCENES[scene](size).save(target, "JPEG", quality=86)
    return target.getvalue()


def _sky(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    column = Image.new("RGB", (1, size[1]))
    for y in range(size[1]):
        share = y / size[1]
        column.putpixel((0, y), tuple(round(a + (b - a) * share) for a, b in zip(top, bottom, strict=True)))
    return column.resize(size)


def _disc(image: Image.Image, x: float, y: float, radius: float, colour: Colour, glow: int = 0) -> None:
    width, height = image.size
    box = [x * width - radius * height, y * height - radius * height, x * width + radius * height]
    box.append(y * height + radius * height)
    if glow:
        halo = Image.new("L", image.size, 0)
        ImageDraw.Draw(halo).ellipse([box[0] - glow, box[1] - glow, box[2] + glow, box[3] + glow], fill=120)
        image.paste(colour, (0, 0), halo.filter(ImageFilter.GaussianBlur(glow / 2)))
    ImageDraw.Draw(image).ellipse(box, fill=colour)


def _ridge(image: Image.Image, seed: int, level: float, rough: float, colour: Colour) -> None:
    width, height = image.size
    chance = random.Random(seed)
    waves = [(chance.uniform(0.5, 1.0) / n, chance.uniform(1.5, 3.0) * n, chance.uniform(0, 6.3)) for n in (1, 2, 4)]
    line = [
        (x, height * (level + rough * sum(high * math.sin(x / width * often + at) for high, often, at in waves)))
        for x in range(0, width + 8, 8)
    ]
    ImageDraw.Draw(image).polygon([(0, height), *line, (width, height)], fill=colour)


def mountains(size: tuple[int, int]) -> Image.Image:
    """Sunrise behind three ridges."""
    image = _sky(size, (94, 122, 173), (252, 222, 178))
    _disc(image, 0.66, 0.45, 0.06, (255, 240, 200), 60)
    for seed, level, colour in ((1, 0.58, (148, 150, 186)), (2, 0.7, (106, 108, 152)), (5, 0.84, (62, 66, 106))):
        _ridge(image, seed, level, 0.06, colour)
    return image


def lighthouse(size: tuple[int, int]) -> Image.Image:
    """A lighthouse at dusk."""
    image = _sky(size, (44, 42, 92), (236, 150, 110))
    width, height = size
    draw = ImageDraw.Draw(image, "RGBA")
    draw.polygon([(0.79 * width, 0.24 * height), (0, 0.05 * height), (0, 0.32 * height)], fill=(255, 240, 190, 70))
    draw.rectangle([0, 0.7 * height, width, height], fill=(36, 50, 92))
    for n in range(40):
        x, y = (n * 97) % width, 0.72 * height + (n * 53) % (0.26 * height)
        draw.line([x, y, x + 60, y], fill=(240, 170, 130, 90), width=3)
    draw.polygon(
        [(0.68 * width, height), (0.74 * width, 0.66 * height), (width, 0.6 * height), (width, height)], "#1c2238"
    )
    draw.polygon(
        [
            (0.765 * width, 0.68 * height),
            (0.775 * width, 0.3 * height),
            (0.805 * width, 0.3 * height),
            (0.815 * width, 0.68 * height),
        ],
        "#f2efe8",
    )
    draw.rectangle([0.771 * width, 0.42 * height, 0.809 * width, 0.5 * height], fill="#c8322f")
    draw.rectangle([0.778 * width, 0.2 * height, 0.802 * width, 0.3 * height], fill="#ffe9a8")
    draw.polygon([(0.77 * width, 0.2 * height), (0.79 * width, 0.14 * height), (0.81 * width, 0.2 * height)], "#c8322f")
    return image


def fox(size: tuple[int, int]) -> Image.Image:
    """A fox between firs."""
    image = _sky(size, (196, 220, 196), (232, 238, 206))
    _disc(image, 0.7, 0.22, 0.09, (255, 250, 222), 50)
    width, height = size
    draw = ImageDraw.Draw(image)
    for seed, colour, reach in ((3, (150, 186, 160), 0.5), (4, (96, 142, 118), 0.62), (6, (46, 92, 80), 0.72)):
        chance = random.Random(seed)
        for _ in range(14):
            x, tall = chance.uniform(0, width), chance.uniform(0.3, 0.5) * height
            foot = height * (reach + 0.1)
            for part in range(3):
                top = foot - tall + part * tall * 0.26
                half = tall * (0.1 + 0.06 * part)
                draw.polygon([(x, top), (x - half, top + tall * 0.42), (x + half, top + tall * 0.42)], fill=colour)
        _ridge(image, seed, reach + 0.08, 0.015, colour)
    draw.ellipse([0.56 * width, 0.7 * height, 0.68 * width, 0.8 * height], fill=(214, 104, 40))
    draw.polygon(
        [(0.66 * width, 0.7 * height), (0.72 * width, 0.66 * height), (0.7 * width, 0.76 * height)], (224, 116, 48)
    )
    draw.polygon(
        [(0.57 * width, 0.74 * height), (0.49 * width, 0.72 * height), (0.56 * width, 0.8 * height)], (232, 132, 62)
    )
    for x in (0.58, 0.61, 0.65, 0.67):
        draw.line([x * width, 0.78 * height, x * width, 0.87 * height], fill=(70, 38, 22), width=int(width / 130))
    return image


def cup(size: tuple[int, int]) -> Image.Image:
    """A steaming cup."""
    image = _sky(size, (170, 146, 120), (120, 92, 70))
    width, height = size
    draw = ImageDraw.Draw(image, "RGBA")
    draw.rectangle([0, 0.72 * height, width, height], fill=(96, 62, 42))
    draw.polygon(
        [(0.1 * width, 0), (0.34 * width, 0), (0.22 * width, 0.72 * height), (0, 0.72 * height)], (255, 240, 210, 70)
    )
    for n in range(3):
        points = [
            ((0.46 + 0.04 * n + 0.012 * math.sin(step / 3 + n)) * width, (0.44 - step * 0.012) * height)
            for step in range(26)
        ]
        draw.line(points, fill=(255, 255, 255, 120), width=int(width / 120), joint="curve")
    draw.ellipse([0.34 * width, 0.74 * height, 0.66 * width, 0.84 * height], fill="#e9e2d4")
    draw.rounded_rectangle(
        [0.4 * width, 0.47 * height, 0.6 * width, 0.79 * height], radius=int(width / 22), fill="#fbf8f1"
    )
    draw.ellipse([0.4 * width, 0.44 * height, 0.6 * width, 0.52 * height], fill="#5a3a26")
    draw.arc(
        [0.57 * width, 0.52 * height, 0.67 * width, 0.7 * height], -100, 110, fill="#fbf8f1", width=int(width / 55)
    )
    return image


def dunes(size: tuple[int, int]) -> Image.Image:
    """Dunes at sunset."""
    image = _sky(size, (98, 48, 110), (250, 176, 110))
    _disc(image, 0.3, 0.38, 0.07, (255, 226, 160), 60)
    for seed, level, colour in ((8, 0.6, (196, 106, 72)), (9, 0.72, (158, 74, 58)), (11, 0.88, (104, 46, 48))):
        _ridge(image, seed, level, 0.05, colour)
    return image


def sailboat(size: tuple[int, int]) -> Image.Image:
    """A sailboat in a gust."""
    image = _sky(size, (88, 164, 212), (206, 234, 244))
    width, height = size
    draw = ImageDraw.Draw(image, "RGBA")
    for x, y in ((0.14, 0.18), (0.42, 0.12), (0.82, 0.2)):
        for step in range(4):
            left = (x + step * 0.035) * width
            draw.ellipse([left, y * height, left + 0.08 * width, (y + 0.1) * height], fill=(255, 255, 255, 230))
    draw.rectangle([0, 0.66 * height, width, height], fill=(26, 104, 146))
    for n in range(60):
        x, y = (n * 131) % width, 0.68 * height + (n * 37) % (0.3 * height)
        draw.arc([x, y, x + 46, y + 12], 180, 350, fill=(220, 240, 250, 150), width=3)
    draw.polygon(
        [(0.52 * width, 0.12 * height), (0.52 * width, 0.66 * height), (0.68 * width, 0.64 * height)], "#ffffff"
    )
    draw.polygon([(0.5 * width, 0.2 * height), (0.5 * width, 0.64 * height), (0.4 * width, 0.65 * height)], "#f2d8c8")
    draw.polygon(
        [
            (0.36 * width, 0.69 * height),
            (0.7 * width, 0.69 * height),
            (0.64 * width, 0.78 * height),
            (0.42 * width, 0.78 * height),
        ],
        "#a5342a",
    )
    return image


def city(size: tuple[int, int]) -> Image.Image:
    """A city at night."""
    image = _sky(size, (12, 16, 42), (44, 52, 96))
    _disc(image, 0.8, 0.2, 0.05, (250, 244, 214), 40)
    width, height = size
    draw = ImageDraw.Draw(image)
    chance = random.Random(21)
    left = 0.0
    while left < width:
        wide, top = chance.uniform(0.05, 0.1) * width, height * chance.uniform(0.36, 0.74)
        draw.rectangle([left, top, left + wide, height], fill=(18, 22, 50))
        for y in range(int(top) + 14, height - 12, 22):
            for x in range(int(left) + 10, int(left + wide) - 12, 20):
                if chance.random() < 0.42:
                    draw.rectangle([x, y, x + 8, y + 11], fill=(250, 214, 132))
        left += wide + 4
    return image


def portrait(size: tuple[int, int]) -> Image.Image:
    """A woman, drawn flat; taller than wide whatever was asked for."""
    width, height = sorted(size)
    image = _sky((width, height), (188, 92, 74), (142, 60, 58))
    draw = ImageDraw.Draw(image)
    draw.ellipse([0.2 * width, 0.16 * height, 0.8 * width, 0.72 * height], fill=(58, 34, 30))
    draw.rectangle([0.42 * width, 0.5 * height, 0.58 * width, 0.76 * height], fill=(226, 172, 138))
    draw.ellipse([0.3 * width, 0.22 * height, 0.7 * width, 0.6 * height], fill=(238, 188, 154))
    draw.polygon(
        [(0.1 * width, height), (0.3 * width, 0.72 * height), (0.7 * width, 0.72 * height), (0.9 * width, height)],
        (40, 92, 110),
    )
    for x in (0.42, 0.58):
        draw.ellipse([(x - 0.03) * width, 0.4 * height, (x + 0.03) * width, 0.42 * height], fill=(52, 30, 26))
    draw.arc(
        [0.42 * width, 0.44 * height, 0.58 * width, 0.53 * height], 20, 160, fill=(170, 66, 62), width=int(width / 50)
    )
    return image


SCENES: dict[str, Callable[[tuple[int, int]], Image.Image]] = {
    scene.__name__: scene for scene in (mountains, lighthouse, fox, cup, dunes, sailboat, city, portrait)
}
