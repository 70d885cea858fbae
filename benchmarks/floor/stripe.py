"""dj-stripe's webhook, set to keep the event and do nothing else: the same work as ours."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from typing import Any

SECRET = "whsec_benchmark"


def for_later(trigger: Any, **options: Any) -> None:
    """What dj-stripe calls in place of processing the event: nothing is woken at all, which is in its favour."""


def make_endpoint() -> str:
    """Make the row of an endpoint that checks Stripe's signature, dj-stripe's default; returns its path."""
    from django.urls import reverse
    from djstripe.models import WebhookEndpoint

    endpoint = WebhookEndpoint.objects.create(
        id="we_benchmark",
        livemode=False,
        enabled_events=["*"],
        secret=SECRET,
        status="enabled",
        url="https://site.example/stripe/",
        djstripe_uuid=uuid.uuid4(),
    )
    return reverse("djstripe:djstripe_webhook_by_uuid", args=[endpoint.djstripe_uuid])


def signed(body: bytes) -> dict[str, str]:
    """The signature header that Stripe sends with a body."""
    now = int(time.time())
    digest = hmac.new(SECRET.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={now},v1={digest}"}


def event(message: dict[str, Any]) -> bytes:
    """A Stripe event around a message."""
    head = {"id": f"evt_{uuid.uuid4().hex}", "object": "event", "livemode": False, "type": "invoice.paid"}
    return json.dumps(head | {"data": {"object": message}}).encode()
