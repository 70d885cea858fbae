"""EvoLink's HTTP API. Facts about it are taken from EvoLink's public documentation and its own open-source client."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote, urlsplit

from django_wanvideo.evolink import outcome, parsing
from django_wanvideo.evolink.connections import Exchange, new_session, process_session
from django_wanvideo.evolink.exceptions import InvalidResponse, NotFoundError
from django_wanvideo.evolink.multipart import MultipartFile, expiry
from django_wanvideo.evolink.secrets import HiddenText
from django_wanvideo.evolink.transport import Bearer, Call, HttpResult, TransportFailure, perform
from django_wanvideo.evolink.types import CreateResult, Credits, ProviderStatus, TaskSnapshot, UploadedFile, task_id
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.http.text import Secret, clean_text, one_line

if TYPE_CHECKING:
    import requests

BASE_URL = "https://api.evolink.ai"
FILES_URL = "https://files-api.evolink.ai"
#: EvoLink answers a batch of at most this many ids.
MAX_BATCH = 50

_KEY = re.compile(r"[\x21-\x7e]{1,500}")
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9._-]{16,96}")
_TASK_ID = re.compile(r"(?!\.+$)[\x21-\x7e]{1,128}")


class EvoLinkClient:
    """Asks EvoLink, each question once: nothing is retried and no redirect is followed.

    ``connect_timeout`` and ``read_timeout`` are in seconds; the latter is for the whole answer, headers and body, however
    slowly it drips. ``allow_private_hosts`` admits plain ``http`` (development and tests). ``session`` replaces the
    process's pooled one; proxies and certificates of the environment are honoured as requests does.

    Raises ConfigurationError for a key or an address that cannot be used. Every error text is free of the key.
    """

    #: Also before it is known: a client that could not be built shows itself in reports.
    base_url = ""

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = BASE_URL,
        files_url: str = FILES_URL,
        connect_timeout: float = 10.0,
        read_timeout: float = 60.0,
        allow_private_hosts: bool = False,
        session: requests.Session | None = None,
    ) -> None:
        self._secret, api_key = Secret(HiddenText(api_key.strip())), ""
        if not _KEY.fullmatch(self._secret.get()):
            raise ConfigurationError("API_KEY must be EvoLink's key: one line of printable characters without spaces.")
        self.base_url = _usable_address("BASE_URL", base_url, allow_private_hosts)
        self.files_url = _usable_address("FILES_URL", files_url, allow_private_hosts)
        self._timeout = (connect_timeout, read_timeout)
        self._auth = Bearer(self._secret)
        self._session = session

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.base_url}>"

    def __getstate__(self) -> None:
        raise TypeError("A client holds the API key and is not stored or sent anywhere. Build a new one.")

    def create(
        self, body: Mapping[str, Any], *, idempotency_key: str, before_send: Callable[[], None] | None = None
    ) -> CreateResult:
        """Ask for a video; the only call that costs money.

        ``before_send`` is called when everything is ready, the connection stands and the first byte is about to leave;
        if it raises, nothing is sent and its exception comes out unchanged. ``HiddenText`` in ``body`` is in no frame.

        Raises RejectedError, RetryLater (both: certainly not accepted), OutcomeUnknownError; before anything else
        ValueError for a body that is no JSON or for a key other than 16 to 96 of ``A-Za-z0-9._-``.
        """
        if not _IDEMPOTENCY_KEY.fullmatch(idempotency_key):
            raise ValueError("An idempotency key consists of 16 to 96 letters, digits, dots, underscores or hyphens.")
        exchange = Exchange(before_send)
        sent = {name: _stand_in(exchange, value) for name, value in body.items()}
        call = Call(
            "POST",
            f"{self.base_url}/v1/videos/generations",
            # A connection of its own: one that had gone stale in a pool would look like a lost answer.
            headers={"Content-Type": "application/json", "Idempotency-Key": idempotency_key, "Connection": "close"},
            body=json.dumps(sent, allow_nan=False).encode(),
        )
        with new_session(self._session, pool_size=1) as session:
            answer = perform(session, call, self._auth, self._timeout, exchange)
        return outcome.created(answer, self._secret)

    def get_task(self, provider_task_id: str) -> TaskSnapshot:
        """Read one task. Raises NotFoundError, ReadError."""
        if not _TASK_ID.fullmatch(provider_task_id):
            raise NotFoundError("This is no task id of EvoLink; they begin with task-unified-.", code="invalid_task_id")
        body = self._read("GET", f"/v1/tasks/{quote(provider_task_id, safe='')}")
        snapshot = TaskSnapshot.parse(body, secret=self._secret)
        if not snapshot.id and snapshot.status is ProviderStatus.COMPLETED and snapshot.result_urls:
            # The question was about this task, and only EvoLink has a link; an end is not believed so lightly.
            return replace(snapshot, id=provider_task_id)
        if snapshot.id != provider_task_id:
            raise InvalidResponse("EvoLink's answer is about another task, or about none.", code="unreadable_answer")
        return snapshot

    def get_tasks(self, provider_task_ids: Iterable[str]) -> dict[str, TaskSnapshot]:
        """Read up to 50 tasks at once, by id; ids that EvoLink does not know are absent.

        EvoLink's own client uses this call, its documentation does not mention it: a 404 means that it is gone.
        Raises ValueError for more than 50 ids, NotFoundError, ReadError.
        """
        wanted = list(dict.fromkeys(provider_task_ids))
        if len(wanted) > MAX_BATCH:
            raise ValueError(f"EvoLink reads at most {MAX_BATCH} tasks at once, not {len(wanted)}.")
        if not wanted:
            return {}
        items = _items(self._read("POST", "/v1/tasks/batch", body=json.dumps({"task_ids": wanted}).encode()))
        found = (TaskSnapshot.parse(item, secret=self._secret) for item in items if task_id(item) in wanted)
        return {snapshot.id: snapshot for snapshot in found}

    def list_tasks(
        self, status: str | None = None, model: str | None = None, page: int = 1, page_size: int = 20
    ) -> list[TaskSnapshot]:
        """Read a page of the whole account's tasks, newest first (not only those of this key). Raises ReadError.

        Undocumented, used by EvoLink's own client; ``page_size`` is at most 50.
        """
        params = {"status": status, "model": model, "page": page, "page_size": page_size}
        body = self._read("GET", "/v1/tasks", params={name: value for name, value in params.items() if value})
        return [TaskSnapshot.parse(item, secret=self._secret) for item in _items(body) if task_id(item)]

    def get_credits(self) -> Credits:
        """Read what the account and this key may still spend. Raises ReadError."""
        data = parsing.mapping(self._read("GET", "/v1/credits").get("data"))
        user, token = (parsing.mapping(data.get(name)) for name in ("user", "token"))
        limit, used = (parsing.decimal(token.get(f"daily_{name}_credits")) for name in ("limit", "used"))
        return Credits(
            user_remaining=parsing.decimal(user.get("remaining_credits")),
            token_remaining=parsing.decimal(token.get("remaining_credits")),
            unlimited=token.get("unlimited_credits") is True,
            # A limit of nothing is how a key without one is shown.
            daily_remaining=max(limit - used, Decimal(0)) if limit and used is not None else None,
            reset_timezone=clean_text(token.get("reset_timezone"), 60),
        )

    def list_models(self) -> list[str]:
        """Read the ids of the models that this key may use; free, and so a check of the key. Raises ReadError."""
        names = (one_line(item.get("id"), 100) for item in _items(self._read("GET", "/v1/models")))
        return [name for name in names if name]

    def count_files(self) -> tuple[int, int] | None:
        """Read how many files EvoLink keeps of the account, and how many it would; ``None`` if it does not say so.

        Raises ReadError.
        """
        found = self._perform(Call("GET", f"{self.files_url}/api/v1/files/quota"))
        data = parsing.mapping(outcome.content(found, self._secret).get("data"))
        used, most = (parsing.decimal(data.get(name)) for name in ("used_files", "max_files"))
        return None if used is None or most is None else (int(used), int(most))

    def upload(
        self, fileobj: BinaryIO, *, file_name: str, content_type: str, deadline_seconds: float = 300.0
    ) -> UploadedFile:
        """Give EvoLink a file to read; it keeps it for 72 hours. The file must be seekable and is streamed.

        Raises RejectedError (too large, a type it does not take, the key), RetryLater (all that may pass by itself).
        """
        form = MultipartFile(fileobj, file_name, content_type, deadline_seconds)
        url = f"{self.files_url}/api/v1/files/upload/stream"
        call = Call("POST", url, headers={"Content-Type": form.content_type}, body=form)
        data = outcome.uploaded(self._perform(call), self._secret)
        return UploadedFile(parsing.parse_url(data.get("file_url")), expiry(data.get("expires_at")))

    def _perform(self, call: Call) -> HttpResult | TransportFailure:
        return perform(self._session or process_session(), call, self._auth, self._timeout)

    def _read(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, body: bytes | None = None
    ) -> Mapping[str, Any]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        call = Call(method, f"{self.base_url}{path}", headers=headers, body=body, params=params)
        found: Mapping[str, Any] = outcome.content(self._perform(call), self._secret)
        return found


def _usable_address(setting: str, url: str, allow_private_hosts: bool) -> str:
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or parts.scheme not in {"http", "https"} or "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(f"{setting} must be an address like {BASE_URL}, without a user name or a query.")
    if parts.scheme != "https" and not allow_private_hosts:
        raise ConfigurationError(f"{setting} must begin with https://, or the API key would travel unprotected.")
    return url.rstrip("/")


def _stand_in(exchange: Exchange, value: object) -> object:
    """Return what stands in the body for a text that must not be seen; it has the length that the text has as JSON."""
    if not isinstance(value, HiddenText):
        return value
    return exchange.stand_ins.steady(HiddenText(json.dumps(value)[1:-1]))


def _items(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    data = body.get("data")
    if not isinstance(data, list):
        raise InvalidResponse("EvoLink's answer has no list in it.", code="unreadable_answer")
    return [item for item in data if isinstance(item, Mapping)]
