"""No policy of a project opens or closes this door. Each policy is first seen to bite somewhere else."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.db import connection, connections
from django.test import Client
from django.urls import set_script_prefix
from rest_framework import authentication, negotiation, parsers, permissions, throttling, versioning
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from django_wanvideo import callback_tokens
from django_wanvideo.callbacks import views
from django_wanvideo.models import CallbackReceipt
from tests.callbacks.wire import Stream, through_wsgi

pytestmark = [pytest.mark.django_db, pytest.mark.integration, pytest.mark.urls("tests.callbacks.urls")]


@pytest.fixture(autouse=True)
def no_redis(wanvideo_wakeups):
    """Nothing here is about waking workers."""


@pytest.fixture
def ordinary(client):
    """Call a view that follows the project's defaults."""

    def post(**headers):
        return client.post("/ordinary/", b"{}", content_type="application/json", **headers).status_code

    assert post() == 200
    return post


@pytest.mark.parametrize(
    ("policies", "headers", "refusal"),
    [
        ({"permission_classes": [permissions.IsAuthenticated]}, {}, 403),
        ({"permission_classes": [permissions.IsAdminUser]}, {}, 403),
        (
            {
                "permission_classes": [permissions.IsAuthenticated],
                "authentication_classes": [authentication.SessionAuthentication],
            },
            {},
            403,
        ),
        (
            {"authentication_classes": [authentication.BasicAuthentication]},
            {"HTTP_AUTHORIZATION": "Basic bm9ib2R5Ondyb25n"},
            401,
        ),
        ({"parser_classes": [parsers.FormParser]}, {}, 415),
        ({"renderer_classes": [JSONRenderer]}, {"HTTP_ACCEPT": "text/html"}, 406),
        (
            {"content_negotiation_class": negotiation.DefaultContentNegotiation, "renderer_classes": [JSONRenderer]},
            {"HTTP_ACCEPT": "text/html"},
            406,
        ),
        (
            {"versioning_class": versioning.AcceptHeaderVersioning},
            {"HTTP_ACCEPT": "application/json; version=nonsense"},
            406,
        ),
    ],
)
def test_the_projects_defaults_do_not_reach_the_view(
    call, forge, ordinary, monkeypatch, settings, policies, headers, refusal, django_assert_num_queries
):
    # What REST_FRAMEWORK sets ends up here, as attributes of the class that every view inherits from.
    for name, value in policies.items():
        monkeypatch.setattr(APIView, name, value)
    monkeypatch.setattr(versioning.BaseVersioning, "allowed_versions", ["1.0"])
    assert ordinary(**headers) == refusal
    with django_assert_num_queries(1):
        assert call(**headers).status_code == 200
    forge(**headers)


def test_every_policy_of_a_view_is_pinned():
    """A new kind of policy in a later REST framework must be looked at."""
    of_all = {name for name in vars(APIView) if name.endswith(("_class", "_classes")) or name == "schema"}
    of_this = {name for name in vars(views.CallbackView) if name in of_all}
    assert of_all - of_this == {"metadata_class"}, "OPTIONS is answered by the view itself, without metadata"


def test_throttling_stops_nothing(call, forge, ordinary, monkeypatch):
    class OnceADay(throttling.AnonRateThrottle):
        rate = "1/day"

    cache.clear()
    monkeypatch.setattr(APIView, "throttle_classes", [OnceADay])
    assert [ordinary(), ordinary()] == [200, 429]
    assert [call().status_code for _again in range(3)] == [200, 200, 200]
    forge()
    cache.clear()


def upset(exc, context):
    CallbackReceipt.objects.count()
    return Response({"detail": "as this project says it"}, status=418)


def test_the_projects_exception_handler_is_not_asked(call, client, attempt, settings, django_assert_num_queries):
    settings.REST_FRAMEWORK = {"EXCEPTION_HANDLER": "tests.callbacks.test_policies.upset"}
    assert client.post("/ordinary/", b"{", content_type="application/json").status_code == 418
    with django_assert_num_queries(0):
        assert client.post(f"/wanvideo/callbacks/{attempt.pk}/{'0' * 64}/").status_code == 404


def test_csrf_is_not_asked_for(attempt, path, forge):
    client = Client(enforce_csrf_checks=True)
    assert client.post("/page/").status_code == 403
    assert client.post(path, b"{}", content_type="application/json").status_code == 200
    forge(client)


def test_a_session_brings_no_csrf_either(attempt, path, django_user_model):
    client = Client(enforce_csrf_checks=True)
    client.force_login(django_user_model.objects.create_user("staff"))
    assert client.post(path, b"{}", content_type="application/json").status_code == 200


def test_login_is_not_asked_for(call, forge, client, settings, django_assert_num_queries):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert client.get("/page/").status_code == 302
    with django_assert_num_queries(1):
        assert call().status_code == 200
    forge()


@pytest.mark.commit_only
@pytest.mark.django_db(transaction=True)
def test_the_view_runs_in_no_transaction_of_the_request(call, monkeypatch):
    inside = {}
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    receive = views.receipts.receive

    def look(*args):
        inside["callback"] = connection.in_atomic_block
        return receive(*args)

    def ordinary_post(self, request):
        inside["ordinary"] = connection.in_atomic_block
        return Response({})

    from tests.callbacks.urls import OrdinaryView

    monkeypatch.setattr(OrdinaryView, "post", ordinary_post)
    monkeypatch.setattr(views.receipts, "receive", look)
    Client().post("/ordinary/", b"{}", content_type="application/json")
    assert call().status_code == 200
    assert inside == {"ordinary": True, "callback": False}
    assert CallbackReceipt.objects.count() == 1


@pytest.mark.commit_only
@pytest.mark.django_db(transaction=True)
def test_a_forged_callback_opens_no_transaction_under_atomic_requests(forge, monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    forge()


@pytest.mark.parametrize("append", [True, False])
def test_the_address_given_to_evolink_is_answered_without_a_redirect(call, client, path, settings, append):
    settings.APPEND_SLASH = append
    assert path.endswith("/")
    assert call().status_code == 200
    without_slash = client.post(path.rstrip("/"), b"{}", content_type="application/json")
    assert without_slash.status_code == (301 if append else 404)


@pytest.fixture
def mounted():
    """Let the site be mounted below a path, as a server in front of it says."""
    yield set_script_prefix
    set_script_prefix("/")


@pytest.mark.parametrize(
    ("base", "prefix"),
    [
        ("https://site.example", "/shop/"),
        ("https://site.example/", "/shop/"),
        ("https://site.example/shop", "/"),
        ("https://site.example/shop/", "/"),
        ("https://site.example/shop", "/shop/"),
    ],
)
@pytest.mark.commit_only
@pytest.mark.django_db(transaction=True)
def test_the_address_is_right_below_a_script_prefix(attempt, settings, mounted, base, prefix):
    settings.WANVIDEO = {**settings.WANVIDEO, "CALLBACK_BASE_URL": base}
    mounted(prefix)
    url = callback_tokens.url_for(attempt.pk)
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}" == "https://site.example"
    assert parts.path.startswith("/shop/wanvideo/callbacks/")
    status, _body = through_wsgi(
        parts.path.removeprefix("/shop"), Stream(b"{}"), SCRIPT_NAME="/shop", CONTENT_LENGTH="2"
    )
    assert status == 200
    assert CallbackReceipt.objects.get().attempt_id == attempt.pk
    forged = parts.path.removeprefix("/shop").replace(callback_tokens.sign(attempt.pk), "0" * 64)
    status, _body = through_wsgi(forged, Stream(b"{}"), SCRIPT_NAME="/shop", CONTENT_LENGTH="2")
    assert (status, CallbackReceipt.objects.count()) == (404, 1)


@pytest.mark.parametrize("base", ["https://site.example", "https://site.example/"])
def test_the_address_is_short_enough_for_evolink(attempt, settings, base):
    settings.WANVIDEO = {**settings.WANVIDEO, "CALLBACK_BASE_URL": base}
    url = callback_tokens.url_for(attempt.pk)
    assert url == f"https://site.example/wanvideo/callbacks/{attempt.pk}/{callback_tokens.sign(attempt.pk)}/"
    assert len(url) <= 2048
