"""The ``WANVIDEO`` setting, read at access time so that tests and reloads see changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from django_wanvideo.evolink.secrets import HiddenText

T = TypeVar("T")


class Setting(Generic[T]):
    """One key of the ``WANVIDEO`` dictionary, with its default."""

    def __init__(self, default: T) -> None:
        self.default = default
        self.name = ""

    def __set_name__(self, owner: type[Conf], name: str) -> None:
        self.name = name

    def __get__(self, instance: Conf, owner: type[Conf]) -> T:
        value: T = given().get(self.name, self.default)
        return value


class Conf:
    """Typed access to every setting; see the settings table of the documentation."""

    #: EvoLink's key, or a callable that returns it.
    API_KEY = Setting[str | Callable[[], str] | None](None)
    BASE_URL = Setting("https://api.evolink.ai")
    FILES_URL = Setting("https://files-api.evolink.ai")
    #: Where EvoLink reaches this site; empty means polling only.
    CALLBACK_BASE_URL = Setting[str | None](None)
    #: The public https address of the storage's files, where EvoLink reads clips, sounds and documents.
    PUBLIC_MEDIA_BASE_URL = Setting[str | None](None)
    #: Secrets for callback tokens: the first signs, all verify. Empty derives them from ``SECRET_KEY``.
    CALLBACK_KEYS = Setting[Sequence[str]](())
    VERIFY_CALLBACKS = Setting(default=True)
    DEFAULT_MODEL = Setting("wan2.6-image-to-video-flash")
    #: Dotted path of a function that takes EvoLink's models and returns those that this site offers, in order.
    MODELS = Setting[str | None](None)
    #: Name in ``RQ_QUEUES``.
    QUEUE = Setting("default")
    #: Alias in ``STORAGES``.
    STORAGE = Setting("default")
    #: Folder inside the storage (``strftime`` patterns allowed), or a callable ``(instance, filename) -> name``.
    UPLOAD_TO = Setting[str | Callable[[Any, str], str]]("wanvideo/%Y/%m/")
    #: Seconds.
    CONNECT_TIMEOUT = Setting(10.0)
    #: Seconds.
    READ_TIMEOUT = Setting(60.0)
    #: Seconds between two looks at a task when no callback is expected.
    POLL_INTERVAL = Setting(15.0)
    #: Seconds after which an accepted task is overdue.
    POLL_DEADLINE = Setting(3600.0)
    #: Seconds after which an unconfirmed task needs a person.
    UNCONFIRMED_DEADLINE = Setting(1800.0)
    MAX_IN_FLIGHT = Setting[int | None](None)
    MAX_SUBMITS_PER_MINUTE = Setting[int | None](None)
    MAX_VIDEO_BYTES = Setting(1024**3)
    #: Seconds for one try to copy a video.
    DOWNLOAD_DEADLINE = Setting(600.0)
    #: Hosts that results may come from (``.example.com`` includes subdomains); empty means any public host.
    RESULT_HOSTS = Setting[Sequence[str]](())
    ALLOW_PRIVATE_HOSTS = Setting(default=False)
    TRUST_IDEMPOTENCY_KEY = Setting(default=False)
    BATCH_READ = Setting(default=False)
    #: Credits in a calendar day, week or month of ``TIME_ZONE``, by ``site``, ``group`` and ``user``; or a callable of the user.
    CREDIT_LIMITS = Setting[Mapping[str, Any] | Callable[[Any], Mapping[str, Any] | None] | None](None)
    #: Short for ``CREDIT_LIMITS`` of a day; where both are given, the smaller one counts.
    DAILY_CREDIT_LIMIT = Setting[Decimal | int | float | None](None)
    USER_DAILY_CREDIT_LIMIT = Setting[Decimal | int | float | None](None)
    #: Credits above which a second person has to agree before anything is sent; or a callable of the user who asks.
    APPROVAL_ABOVE = Setting[Decimal | float | Callable[[Any], Decimal | float | None] | None](None)
    #: What a credit costs the site, and in which currency: ``("0.0147", "USD")``; EvoLink's list price otherwise.
    CREDIT_PRICE = Setting[tuple[str | Decimal | float, str] | None](None)
    #: A callable ``(event) -> users or None``: who hears by e-mail of a ``TaskEvent`` or ``BatchEvent``, beside its owner.
    NOTIFY = Setting[Callable[[Any], Iterable[Any] | None] | None](None)
    #: The public address of this site, for links in e-mails; ``CALLBACK_BASE_URL`` otherwise.
    SITE_URL = Setting[str | None](None)
    #: Who may follow the lasting addresses of videos: ``(request, task) -> bool``, or its dotted path, such as
    #: ``"django_wanvideo.views.public"``. By default those who may look at the task in the admin.
    VIDEO_ACCESS = Setting[Callable[[Any, Any], bool] | str | None](None)
    #: Which installation this is, such as ``production``; a database that belongs to another one is left alone.
    INSTALLATION = Setting[str | None](None)

    @sensitive_variables("value")
    def api_key(self) -> str:
        """Return the key itself, calling ``API_KEY`` where it is a callable; empty when there is none."""
        value = self.API_KEY
        return HiddenText(str((value() if callable(value) else value) or "").strip())

    def has_callbacks(self) -> bool:
        """Tell whether EvoLink is given a callback URL."""
        return bool(self.CALLBACK_BASE_URL)

    def __repr__(self) -> str:
        return f"<Conf of WANVIDEO: {', '.join(sorted(given()))}>"


def given() -> dict[str, Any]:
    """Return the site's ``WANVIDEO`` dictionary as it stands now."""
    value = getattr(settings, "WANVIDEO", None)
    return value if isinstance(value, dict) else {}


def known_names() -> list[str]:
    """Return every key that ``WANVIDEO`` may have."""
    return [name for name, value in vars(Conf).items() if isinstance(value, Setting)]


conf = Conf()
