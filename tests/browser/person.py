"""Somebody in front of a browser: signs in, opens pages, and writes down whatever the browser complains of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from tests.browser.pictures import picture

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Response

    from tests.browser.site import Site

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
PASSWORD = "seven-herons-9"

_WATCH_POLICY = """addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy violation: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`));"""
#: A page that watches asks every 2 to 15 seconds; here it does so eight times as often.
_HURRY = """const wait = setTimeout;
setTimeout = (act, ms, ...rest) => wait(act, ms >= 2000 && ms < 15000 ? ms / 8 : ms, ...rest);"""


def address(name: str, *args: Any) -> str:
    """Return the path of a page of video tasks."""
    return reverse(f"admin:wanvideo_videotask_{name}", args=args)


class Person:
    """One browser profile. ``complaints`` are console errors, exceptions, policy violations and server errors."""

    def __init__(
        self,
        chromium: Browser,
        site: Site,
        name: str = "maria",
        *,
        signed_in: bool = True,
        phone: bool = False,
        dark: bool = False,
        **options: Any,
    ) -> None:
        self.site = site
        self.name = name
        self.has_phone = phone
        self.complaints: list[str] = []
        #: Complaints that a test expects, as regular expressions.
        self.expected: list[str] = []
        if phone:
            options |= {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}
        self.context = chromium.new_context(
            base_url=site.url,
            viewport=PHONE if phone else WIDE,
            color_scheme="dark" if dark else "light",
            locale="en-GB",
            timezone_id="UTC",
            **options,
        )
        self.context.set_default_timeout(15_000)
        self.context.add_init_script(_WATCH_POLICY)
        self.context.add_init_script(_HURRY)
        self.context.on("console", self._hear)
        self.context.on("weberror", lambda error: self._complain(f"exception: {error.error}"))
        self.context.on("response", self._see)
        self.user = self._user()
        if signed_in:
            self.sign_in_quietly()
        self.page = self.context.new_page()

    def _user(self) -> Any:
        users = get_user_model().objects
        user = users.filter(username=self.name).first()
        return user or users.create_superuser(self.name, password=PASSWORD, first_name=self.name.capitalize())

    def _hear(self, message: ConsoleMessage) -> None:
        # A browser asks every site for this file; having one is the site's affair.
        of_icon = message.location.get("url", "").endswith("/favicon.ico")
        if message.type in {"error", "warning", "assert"} and not of_icon:
            self._complain(f"{message.type} on {message.location.get('url', '')}: {message.text}")

    def _see(self, response: Response) -> None:
        if response.status >= 500:
            self._complain(f"{response.url} answered {response.status}")

    def _complain(self, text: str) -> None:
        if not any(re.search(pattern, text) for pattern in self.expected):
            self.complaints.append(text)

    def leave(self) -> None:
        """Close everything."""
        self.context.close()

    # Signing in ------------------------------------------------------------------------------------------------------

    def sign_in_quietly(self) -> None:
        """Take over a session, so that not every test goes through the login page."""
        client = Client()
        client.force_login(self.user)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        self.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.site.url}])

    def sign_in(self) -> None:
        """Go through the login page, which must be open."""
        self.page.get_by_label("Username").fill(self.name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()

    # Going places ----------------------------------------------------------------------------------------------------

    def open(self, name: str, *args: Any, query: str = "", page: Page | None = None) -> Page:
        """Open a page of video tasks by its name."""
        page = page or self.page
        page.goto(address(name, *args) + query)
        return page

    def fill_in(self, prompt: str, *, scene: str = "fox", page: Page | None = None, **choices: str) -> None:
        """Fill in the add page with a picture from a file."""
        page = page or self.page
        drawn = picture(scene)
        page.locator("#id_first_frame_file").set_input_files(
            {"name": drawn.name, "mimeType": "image/jpeg", "buffer": drawn.getvalue()}
        )
        page.get_by_label("Prompt", exact=False).first.fill(prompt)
        for name, value in choices.items():
            page.locator(f"#id_{name}").fill(value)

    # Looking ---------------------------------------------------------------------------------------------------------

    def mark(self) -> None:
        """Mark the window; the mark is gone after any navigation."""
        self.page.evaluate("window.stillTheSamePage = true")

    def is_marked(self) -> bool:
        """Tell whether the window is still the one that was marked."""
        return bool(self.page.evaluate("window.stillTheSamePage === true"))

    def darken(self, is_dark: bool = True) -> None:
        """Let it become dark, or light again, at once."""
        self.page.emulate_media(color_scheme="dark" if is_dark else "light")
        self.page.evaluate(
            "document.getAnimations().forEach((change) => { if (change instanceof CSSTransition) change.finish(); })"
        )

    def is_wider_than_screen(self) -> int:
        """Return by how many pixels the page must be scrolled sideways."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
