"""Take the pictures of the documentation: ``python -m tests.browser.screenshots [name ...]``.

They show the test site with tasks of every kind, and land in ``docs/images`` as PNG files with a palette.
"""

from __future__ import annotations

import io
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
#: A picture must not make a page slow to load, bytes.
MOST_BYTES = 150_000
CHROMIUM = "/usr/bin/chromium"
_ALL_PICTURES = """Promise.all([
    ...[...document.images].map((image) => {
        image.loading = "eager";
        return image.decode();
    }),
    ...[...document.querySelectorAll("video")].map((video) => new Promise((done) => {
        // Until a frame other than the first is drawn, the player shows that it is loading.
        video.addEventListener("seeked", done, { once: true });
        const seek = () => { video.currentTime = 1; };
        video.preload = "auto";
        video.readyState >= 2 ? seek() : video.addEventListener("loadeddata", seek, { once: true });
    })),
])"""


def main(names: list[str]) -> int:
    """Start the site, fill it, and take all pictures or those that are named."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    import django

    django.setup()
    from django.test.utils import override_settings, setup_databases, teardown_databases
    from playwright.sync_api import sync_playwright

    from tests import engines, settings
    from tests.browser.conftest import ARGUMENTS
    from tests.browser.site import running_site

    with ExitStack() as stack:
        stack.enter_context(engines.valkey_server(settings.VALKEY_PORT, settings.TEST_DIR / "valkey"))
        old = setup_databases(verbosity=0, interactive=False)
        stack.callback(teardown_databases, old, verbosity=0)
        site = stack.enter_context(running_site())
        # Only where Django itself serves the files, in development, can a video be wound forward.
        stack.enter_context(override_settings(DEBUG=True))
        playwright = stack.enter_context(sync_playwright())
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        stack.callback(chromium.close)
        Studio(chromium, site).take(names)
    return 0


class Studio:
    """The site with its rows, and Maria who looks at it."""

    def __init__(self, chromium: Browser, site: Any) -> None:
        self.chromium = chromium
        self.site = site

    def take(self, names: list[str]) -> None:
        """Take the pictures; each is a page in one look."""
        from tests.browser import factories, scenes
        from tests.browser.person import Person

        # Before the rows, whose owners may do nothing: of these she is one.
        Person(self.chromium, self.site, "maria").leave()
        self._be_well()
        shots: dict[str, Callable[[Any], Page]] = {
            "admin-empty": lambda maria: maria.open("changelist"),
            "admin-changelist": lambda maria: maria.open("changelist"),
            "admin-add": self._add,
            "admin-change": lambda maria: maria.open("change", tasks["completed"].pk),
            "admin-failed": lambda maria: maria.open("change", tasks["failed"].pk),
            "admin-processing": lambda maria: maria.open("change", tasks["processing"].pk),
            "admin-resolve": lambda maria: maria.open("resolve", tasks["unconfirmed"].pk),
            "admin-confirm": self._confirm,
            "admin-takes": lambda maria: self._takes(maria, tasks),
            "admin-make-takes": lambda maria: maria.open("make_takes", tasks["completed"].pk),
            "admin-models": lambda maria: maria.open("models"),
            "admin-add-references": scenes.references,
            "admin-add-edit": scenes.edit,
            "admin-film": lambda maria: scenes.film(maria, _film()),
            "admin-spending": scenes.spending,
        }
        looks = {"": {}, "-dark": {"dark": True}, "-phone": {"phone": True}}
        tasks: dict[str, Any] = {}
        for name, show in shots.items():
            if name == "admin-changelist":
                tasks = factories.make_all(_film())
                self._be_well()
            for suffix, look in looks.items():
                if not names or name + suffix in names:
                    self._take(name + suffix, show, look)

    def _be_well(self) -> None:
        """Nothing is counted yet, and the site has no trouble to tell."""
        from django.core.cache import cache

        from django_wanvideo.admin import banner

        cache.clear()
        banner.get_banner = lambda: None

    def _take(self, name: str, show: Callable[[Any], Page], look: dict[str, Any]) -> None:
        from tests.browser.person import Person

        maria = Person(self.chromium, self.site, "maria", reduced_motion="reduce", **look)
        page = show(maria)
        page.wait_for_load_state("load")
        page.evaluate(_ALL_PICTURES)
        # As tall as the page, so that what sticks to the window's foot stands where it belongs; a phone shows its start.
        width, height = page.viewport_size["width"], page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": 1000 if "phone" in look else height})
        page.evaluate("scrollTo(0, 0)")
        _until_still(page)
        content = page.screenshot(animations="disabled", caret="hide")
        size = save(name, content)
        sys.stdout.write(f"{name}.png: {size:,} bytes\n" + "".join(f"  {text}\n" for text in maria.complaints))
        maria.leave()

    def _add(self, maria: Any) -> Page:
        page: Page = maria.open("add")
        maria.fill_in(
            "Slow push-in on the lighthouse at dusk: the lamp turns once, waves roll in, gulls far away",
            scene="lighthouse",
        )
        page.locator(".wv-drop-fit.is-good").wait_for()
        return page

    def _takes(self, maria: Any, tasks: dict[str, Any]) -> Page:
        from django_wanvideo import takes
        from tests.browser import factories

        first = tasks["completed"]
        if first.take_group is None:
            words = [first.prompt, first.prompt, f"{first.prompt}; the camera follows it to the left"]
            wishes = [factories.Wish("fox", prompt, "completed", 40) for prompt in words]
            others = [factories.make(wish, number=50 + at, video=_film()) for at, wish in enumerate(wishes)]
            takes.group(first, others)
            others[0].pick(by=first.owner)
        page: Page = maria.open("takes", first.pk)
        page.locator(".wv-deck.is-live").wait_for()
        return page

    def _confirm(self, maria: Any) -> Page:
        page: Page = maria.open("changelist")
        for number in (0, 1, 8, 9):
            page.locator("input.action-select").nth(number).check()
        page.locator("select[name=action]").select_option("submit_selected")
        page.locator("button[name=index]").click()
        page.locator(".wv-confirm").wait_for()
        return page


def _until_still(page: Page) -> None:
    """Wait until a player has stopped to turn its sign of loading, which no script can see."""
    for player in page.locator("video").all():
        looks = [player.screenshot(), b""]
        deadline = time.monotonic() + 15
        while looks[0] != looks[1] and time.monotonic() < deadline:
            page.wait_for_timeout(300)
            looks = [player.screenshot(), looks[0]]


def _film() -> bytes:
    """A real MP4 of the fox, drawn as the simulator draws its results."""
    import tempfile

    from django_wanvideo.simulator.media.video import Scene, draw
    from tests.browser.pictures import picture

    scene = Scene(
        seconds=5, quality="720p", audio=False, caption="", ratio=16 / 9, scale=1, fps=12, picture_digest="fox"
    )
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        draw(scene, picture("fox").getvalue(), Path(file.name))
        return Path(file.name).read_bytes()


def save(name: str, content: bytes) -> int:
    """Save a picture with as many colours as the allowed size leaves; returns its bytes."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    if image.width > 1440:
        image = image.resize((1440, round(image.height * 1440 / image.width)), Image.Resampling.LANCZOS)
    IMAGES.mkdir(parents=True, exist_ok=True)
    for colours, share in ((256, 1.0), (128, 1.0), (128, 0.75), (64, 0.5)):
        target = io.BytesIO()
        sides = (round(image.width * share), round(image.height * share))
        smaller = image if share == 1 else image.resize(sides, Image.Resampling.LANCZOS)
        palette = smaller.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        palette.save(target, "PNG", optimize=True)
        if target.tell() < MOST_BYTES:
            break
    (IMAGES / f"{name}.png").write_bytes(target.getvalue())
    return target.tell()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
