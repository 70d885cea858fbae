"""The proof of ``demo --once``: what a person would do in the admin, then a look at everything that came of it."""

from __future__ import annotations

import hashlib
import json
import mimetypes
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests
from django.core.management.base import CommandError

from django_wanvideo.models import VideoTask
from example_project.shop.models import Product

from .pages import Page, PageError, send

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .output import Stages
    from .processes import ProcessGroup

#: Seconds by which a video may miss its length: a frame at either end.
LENGTH_TOLERANCE = 0.25


class ProofFailed(Exception):  # noqa: N818 - reads as a sentence
    """Something is not as it must be. The message says what."""


@dataclass(frozen=True)
class Wish:
    """What the video is to be made of. ``duration`` in seconds."""

    image: Path
    prompt: str
    duration: int


@dataclass(frozen=True)
class Film:
    """What a decoder found in a video file. ``seconds`` counts decoded frames, not what the header claims."""

    frames: int
    seconds: float
    width: int
    height: int
    codec: str


def decode(path: str) -> Film:
    """Decode every frame of a video file; ProofFailed when it is no video or a frame is broken."""
    import av

    try:
        with av.open(path) as container:
            stream = container.streams.video[0]
            rate = float(stream.average_rate or 0)
            frames = sum(1 for _ in container.decode(stream))
            context = stream.codec_context
            if not frames or not rate:
                raise ProofFailed(f"{path} has no frames.")
            return Film(frames, frames / rate, context.width, context.height, context.name)
    except (av.FFmpegError, IndexError) as error:
        raise ProofFailed(f"{path} does not decode: {error}") from error


class Run:
    """One headless run against a site that is already at work."""

    def __init__(self, address: str, group: ProcessGroup, stages: Stages, *, timeout: float) -> None:
        self.address = address
        self.group = group
        self.stages = stages
        self.timeout = timeout
        self.session = requests.Session()
        # Loopback only, whatever proxy the environment names.
        self.session.trust_env = False

    def make(self, wish: Wish, username: str, password: str) -> None:
        """Go all the way, reporting each stage; ProofFailed at the first thing that is not right."""
        try:
            self.log_in(username, password)
            product = Product.objects.filter(video=None).order_by("pk").first() or Product.objects.create(
                name=f"Proof of {time.strftime('%Y-%m-%d %H:%M:%S')}",
            )
            task = self.add_task(wish, product)
            self.submit(task)
        except (PageError, requests.RequestException) as error:
            raise ProofFailed(str(error)) from error
        self.watch(task)
        self.check_file(task, wish)
        self.check_product(task, product)

    def log_in(self, username: str, password: str) -> None:
        """Log in through the admin's form, with its CSRF token and cookies."""
        page = self._get("/admin/login/?next=/admin/")
        answer = send(self.session, page, page.form("login-form"), {"username": username, "password": password})
        if "sessionid" not in self.session.cookies:
            raise ProofFailed(f"Logging in as {username} did not work: {Page.of(answer).errors}")
        self.stages.done("logged in", f"as {username}")

    def add_task(self, wish: Wish, product: Product) -> VideoTask:
        """Fill in and send the add form with the image as a file."""
        before = set(VideoTask.objects.values_list("pk", flat=True))
        page = self._get("/admin/wanvideo/videotask/add/")
        kind = mimetypes.guess_type(wish.image.name)[0] or "application/octet-stream"
        answer = send(
            self.session,
            page,
            page.form("videotask_form"),
            {
                "prompt": wish.prompt,
                "duration": str(wish.duration),
                "metadata": json.dumps({"product": product.pk}),
                "_save": "Save",
            },
            {"first_frame_file": (wish.image.name, wish.image.read_bytes(), kind)},
        )
        result = Page.of(answer)
        added: VideoTask | None = VideoTask.objects.exclude(pk__in=before).first()
        if added is None:
            raise ProofFailed("The admin refused the form: " + " ".join(result.errors))
        self.stages.done("task added", f"{added.pk} · {wish.image.name} · {wish.duration} s")
        return added

    def submit(self, task: VideoTask) -> None:
        """Run the changelist's submit action on the task, and confirm the price that it shows."""
        page = self._get("/admin/wanvideo/videotask/")
        form = page.form("changelist-form")
        wanted = [name for name in form.choices.get("action", []) if "submit" in name]
        if not wanted:
            raise ProofFailed(f"The changelist offers no submit action, only {form.choices.get('action')}.")
        answer = send(self.session, page, form, {"action": wanted[0], "_selected_action": [str(task.pk)]})
        price = Page.of(answer)
        Page.of(send(self.session, price, price.form_with("plan"), {}))
        task.refresh_from_db()
        if task.status == "draft":
            raise ProofFailed("The submit action left the task a draft.")
        self.stages.done("submitted", f"by the action {wanted[0]}")

    def watch(self, task: VideoTask) -> None:
        """Follow the task until its file is stored, and require that EvoLink's callback has come."""
        self._wait(task, lambda: bool(task.attempt and task.attempt.provider_task_id), "EvoLink's acceptance")
        attempt = task.attempt
        assert attempt is not None
        self.stages.done("accepted", f"{attempt.provider_task_id}")

        def called_back() -> bool:
            attempt.refresh_from_db()
            return attempt.callback_received_at is not None

        self._wait(task, called_back, "EvoLink's callback")
        self.stages.done("called back", "by EvoLink, over HTTP")
        self._wait(task, lambda: task.is_finished, "the stored video")
        if task.status != "completed":
            raise ProofFailed(f"The task is {task.status}: {task.error_code} {task.error_message}")
        if task.attempts.count() != 1:
            raise ProofFailed(
                f"The task took {task.attempts.count()} attempts, which is {task.attempts.count()} charges."
            )
        self.stages.done("stored", f"{task.video.name} · {task.video_size:,} bytes · {task.credits_used} credits")

    def check_file(self, task: VideoTask, wish: Wish) -> None:
        """Require the stored file to be the one described, to decode, and to have the length that was asked for."""
        digest = hashlib.sha256()
        with task.video.open("rb") as file:
            for chunk in file.chunks():
                digest.update(chunk)
        if digest.hexdigest() != task.video_sha256:
            raise ProofFailed("The stored file is not the one whose checksum is in the database.")
        film = decode(task.video.path)
        if abs(film.seconds - wish.duration) > LENGTH_TOLERANCE:
            raise ProofFailed(f"The video lasts {film.seconds:.2f} s instead of {wish.duration} s.")
        served = self.session.get(f"{self.address}{task.video.url}", timeout=30)
        if hashlib.sha256(served.content).hexdigest() != task.video_sha256:
            raise ProofFailed(f"{task.video.url} serves something else ({served.status_code}).")
        size = f"{film.width}x{film.height}"
        self.stages.done("decoded", f"{film.codec} {size}, {film.frames} frames, {film.seconds:.2f} s")

    def check_product(self, task: VideoTask, product: Product) -> None:
        """Require that the shop's receiver has attached the video to the product."""

        def attached() -> bool:
            product.refresh_from_db()
            return product.video_id == task.pk

        self._wait(task, attached, f"the video on the product {product.name!r}")
        self.stages.done("product has it", str(product))

    def _get(self, path: str) -> Page:
        return Page.of(self.session.get(f"{self.address}{path}", timeout=30))

    def _wait(self, task: VideoTask, done: Callable[[], bool], what: str) -> None:
        deadline = self.stages.started + self.timeout
        while True:
            task.refresh_from_db()
            if done():
                return
            if task.is_finished and task.status != "completed":
                raise ProofFailed(f"The task is {task.status}: {task.error_code} {task.error_message}")
            if time.monotonic() > deadline:
                raise ProofFailed(f"No sign of {what} within {self.timeout:g} s; the task is {task.status}.")
            try:
                self.group.check()
            except CommandError as error:
                raise ProofFailed(str(error)) from error
            time.sleep(0.05)
