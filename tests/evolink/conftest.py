"""A client against a scripted server, and a certificate that both sides can be given."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from django_wanvideo.evolink import connections
from django_wanvideo.evolink.client import EvoLinkClient
from tests.ports import closed_port
from tests.requirements import missing

from .server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .server import Behaviour

#: Long enough not to be taken for anything else in a text.
API_KEY = "sk-Zq7WvT2mLk9XcB4nHs8RdYp3"

TASK = {
    "created": 1757169743,
    "id": "task-unified-1757169743-7cvnl5zw",
    "model": "wan2.6-image-to-video-flash",
    "object": "video.generation.task",
    "progress": 0,
    "status": "pending",
    "task_info": {"can_cancel": True, "estimated_time": 120},
    "type": "video",
    "usage": {"billing_rule": "per_second", "credits_reserved": 11.9, "user_group": "default"},
}


@pytest.fixture(autouse=True)
def no_proxy_and_own_session(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test depends on the machine's proxy, nor on the sockets of another test."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(connections, "_sessions", {})
    yield
    for session in connections._sessions.values():
        session.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedServer]]:
    """Start servers that end with the test."""
    running: list[ScriptedServer] = []

    def start(behaviour: Behaviour, **options: Any) -> ScriptedServer:
        running.append(ScriptedServer(behaviour, **options).__enter__())
        return running[-1]

    yield start
    for server in running:
        server.__exit__(None, None, None)


@pytest.fixture
def closed() -> Iterator[int]:
    """A port that refuses connections."""
    with closed_port() as port:
        yield port


@pytest.fixture
def client_for() -> Callable[..., EvoLinkClient]:
    """Build a client with short time limits for a server or an address."""

    def build(target: ScriptedServer | str, **options: Any) -> EvoLinkClient:
        url = target if isinstance(target, str) else target.url
        settings = {"connect_timeout": 2.0, "read_timeout": 0.3, "allow_private_hosts": True, **options}
        return EvoLinkClient(API_KEY, base_url=url, files_url=url, **settings)

    return build


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for ``results.example`` and its key, signed by itself."""
    if shutil.which("openssl") is None:
        missing("the openssl command is needed to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    crt, key = folder / "crt.pem", folder / "key.pem"
    subprocess.run(
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout {key} -out {crt} "
        "-subj /CN=results.example -addext subjectAltName=DNS:results.example",
        shell=True,
        check=True,
        capture_output=True,
    )
    return crt, key


@pytest.fixture
def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    """The server's side of ``certificate``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context
