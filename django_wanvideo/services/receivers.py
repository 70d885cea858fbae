"""The receivers of a signal one by one, each by a name that is the same in every process."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync

from django_wanvideo import signals
from django_wanvideo.models import VideoTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from django.dispatch import Signal


@dataclass(frozen=True)
class Receiver:
    """One receiver of one signal. ``key`` tells it from the others in the row of an event, ``name`` is for people."""

    key: str
    name: str
    signal: Signal
    function: Callable[..., Any]
    is_async: bool

    def call(self, **named: Any) -> Any:
        """Return what the receiver returns, or the exception that it raised, as ``Signal.send_robust`` does."""
        function = async_to_sync(self.function) if self.is_async else self.function
        try:
            return function(signal=self.signal, **named)
        except Exception as error:
            return error


def of(wanted: Iterable[Signal]) -> Iterator[Receiver]:
    """Yield the receivers of some signals, in the order in which ``send_robust`` would call them."""
    names = {id(signal): name for name, signal in vars(signals).items()}
    for signal in wanted:
        # Django has no public way to learn them; ``send_robust`` itself calls all of them in one go.
        called, awaited = signal._live_receivers(VideoTask)  # noqa: SLF001
        seen: Counter[str] = Counter()
        for is_async, functions in ((False, called), (True, awaited)):
            for function in functions:
                name = _name(function)
                seen[name] += 1
                # Closures and partials share a name; they are connected in the same order in every process.
                number = f"#{seen[name]}" if seen[name] > 1 else ""
                yield Receiver(f"{names.get(id(signal), '?')}:{name}{number}", name, signal, function, is_async)


def _name(receiver: object) -> str:
    return f"{getattr(receiver, '__module__', '?')}.{getattr(receiver, '__qualname__', type(receiver).__name__)}"
