"""A job's time limit that hits inside of a call shows neither the key nor a callback's token in any frame."""

from __future__ import annotations

import io
import json
import pprint
import socket
from pathlib import Path

import pytest
import requests
from django.views.debug import ExceptionReporter
from requests.adapters import HTTPAdapter
from rq.timeouts import JobTimeoutException

from django_wanvideo import callback_tokens
from django_wanvideo.conf import conf
from django_wanvideo.evolink import secrets as hidden
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.http import deadlines
from django_wanvideo.models import Attempt, VideoTask
from django_wanvideo.services.provider import provider
from django_wanvideo.services.sending import submission
from django_wanvideo.services.tracking import polling
from tests.factories import make_attempt, make_task
from tests.pictures import picture

from .conftest import API_KEY, TASK
from .server import answer
from .test_create import resolve_to_loopback

pytestmark = pytest.mark.fault("K10.secrets-in-frames")

TESTS = str(Path(__file__).parents[1])
CALLBACK = "https://site.example/wanvideo/callbacks/1/" + "c0ffee" * 10 + "/"
KEY = "run_0123456789abcdef"


def shown(error):
    """Everything that reports of errors show of an exception and what it came from, except the tests' own frames."""
    texts, waiting = [], [error]
    while waiting:
        error = waiting.pop()
        waiting += [other for other in (error.__cause__, error.__context__) if other is not None]
        texts += [repr(error), str(error)]
        trace = error.__traceback__
        while trace is not None:
            frame, trace = trace.tb_frame, trace.tb_next
            if not frame.f_code.co_filename.startswith(TESTS):
                for name, value in frame.f_locals.items():
                    texts += [f"{frame.f_code.co_qualname} {name} {text}" for text in of_value(value)]
    return texts


def of_value(value, depth=3):
    """What is shown of a value, and of what is in it."""
    texts = [repr(value), pprint.pformat(value)]
    if depth:
        inner = []
        if isinstance(value, dict):
            inner += [*value.keys(), *value.values()]
        elif isinstance(value, (list, tuple, set, frozenset)):
            inner += list(value)
        elif hasattr(value, "__dict__") and not isinstance(value, type):
            inner += list(vars(value).values())
        for slot in getattr(type(value), "__slots__", ()) if not isinstance(value, type) else ():
            if isinstance(slot, str) and hasattr(value, slot):
                inner.append(getattr(value, slot))
        for item in inner[:200]:
            texts += of_value(item, depth - 1)
    return texts


def assert_hidden(error, *secrets):
    texts = shown(error)
    assert len(texts) > 50
    # In the middle, so that what is cut off at either end is found too.
    for secret in secrets:
        found = [text for text in texts if secret[4:-4] in text]
        assert not found, found[0][:500]


@pytest.fixture
def late(monkeypatch):
    """Make the time limit hit at a point of the next call."""

    def at(point):
        def strike(*args, **kwargs):
            raise JobTimeoutException("Task exceeded maximum timeout value (180 seconds)")

        def send(self, data, *args):
            if point in bytes(data):
                strike()
            return plain(self, data, *args)

        if isinstance(point, bytes):
            plain = socket.socket.sendall
            monkeypatch.setattr(socket.socket, "sendall", send, raising=False)
        elif point == "connecting":
            monkeypatch.setattr("urllib3.util.connection.create_connection", strike)
        elif point == "sending":
            monkeypatch.setattr("http.client.HTTPConnection.send", strike)
        elif point == "preparing":
            monkeypatch.setattr("requests.models.PreparedRequest.prepare_hooks", strike)
        elif point == "adapter":
            monkeypatch.setattr("urllib3.connectionpool.HTTPConnectionPool.urlopen", strike)
        elif point == "putting headers":
            monkeypatch.setattr("http.client.HTTPConnection.endheaders", strike)
        else:
            monkeypatch.setattr(deadlines.DeadlineReader, "readinto", strike)

    return at


POINTS = ["preparing", "adapter", "connecting", "putting headers", "sending", b"Authorization", "answer"]


def create(client):
    body = {"model": "m", "prompt": "A cat", "callback_url": hidden.HiddenText(CALLBACK)}
    client.create(body, idempotency_key=KEY)


CALLS = {
    "create": create,
    "get_task": lambda client: client.get_task(TASK["id"]),
    "get_tasks": lambda client: client.get_tasks([TASK["id"]]),
    "get_credits": lambda client: client.get_credits(),
    "upload": lambda client: client.upload(io.BytesIO(b"x" * 9), file_name="a.jpg", content_type="image/jpeg"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_the_key_is_in_no_frame_of_any_call(serve, client_for, late, call, point):
    client = client_for(serve(answer(200, TASK)), read_timeout=5)
    late(point)
    with pytest.raises(JobTimeoutException) as caught:
        CALLS[call](client)
    assert_hidden(caught.value, API_KEY, CALLBACK)


def test_nor_is_the_address_of_the_callback_while_it_is_being_sent(serve, client_for, late):
    client = client_for(serve(answer(200, TASK)), read_timeout=5)
    late(CALLBACK.encode())
    with pytest.raises(JobTimeoutException) as caught:
        create(client)
    assert_hidden(caught.value, API_KEY, CALLBACK)


@pytest.mark.parametrize("point", [b"Authorization", CALLBACK.encode(), "answer"], ids=["headers", "body", "answer"])
def test_nor_over_tls(serve, client_for, server_tls, certificate, monkeypatch, point):
    import ssl

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    resolve_to_loopback(monkeypatch)
    client = client_for(f"https://results.example:{serve(answer(200, TASK), tls=server_tls).port}", read_timeout=5)
    name = "read" if point == "answer" else "send"
    plain = getattr(ssl.SSLSocket, name)

    def strike(self, data=None, *args):
        if not self.server_side and (point == "answer" or point in bytes(data)):
            raise JobTimeoutException("late")
        return plain(self, data, *args) if data is not None else plain(self, *args)

    monkeypatch.setattr(ssl.SSLSocket, name, strike)
    with pytest.raises(JobTimeoutException) as caught:
        create(client)
    assert_hidden(caught.value, API_KEY, CALLBACK)


def test_what_arrives_has_the_secrets_in_their_places(serve, client_for):
    server = serve(answer(200, TASK))
    body = {"model": "m", "prompt": 'A "cat" – ü', "callback_url": hidden.HiddenText("https://ü.example/" + "t" * 64)}
    client_for(server).create(body, idempotency_key=KEY)
    (request,) = server.requests
    assert request.headers["authorization"] == f"Bearer {API_KEY}"
    assert request.body == json.dumps(body).encode()
    assert request.headers["content-length"] == str(len(request.body))


def test_what_somebody_writes_is_never_taken_for_a_secrets_place(serve, client_for):
    """What stands in for the key is another in each request, and no word of it is known before."""
    server, seen = serve(answer(200, TASK)), []
    add = hidden.StandIns._add

    def remember(self, *args):
        seen.append(add(self, *args))
        return seen[-1]

    client = client_for(server)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hidden.StandIns, "_add", remember)
        create(client)
    client.create({"prompt": " ".join(seen)}, idempotency_key=KEY)
    assert server.requests[1].json["prompt"] == " ".join(seen)
    assert len(set(seen)) == 2


def test_a_session_with_connections_of_its_own_gets_the_key_itself(serve, client_for):
    server = serve(answer(200, {"data": []}))
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter())
        client_for(server, session=session).list_models()
    assert server.requests[0].headers["authorization"] == f"Bearer {API_KEY}"


@pytest.mark.django_db
@pytest.mark.parametrize("key", [f"{API_KEY} with a blank", f"{API_KEY}\u00fc", API_KEY + "x" * 500])
def test_a_key_that_cannot_be_used_is_in_no_frame(settings, key):
    settings.WANVIDEO = {**settings.WANVIDEO, "API_KEY": lambda: key}
    with pytest.raises(ConfigurationError) as caught:
        provider.client()
    assert not [text for text in shown(caught.value) if API_KEY[4:-4] in text]


@pytest.mark.django_db
def test_the_key_is_text_that_does_not_show_itself(settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "API_KEY": API_KEY}
    assert conf.api_key() == API_KEY
    assert f"{conf.api_key()}" == API_KEY
    assert API_KEY not in repr([conf.api_key()]) + pprint.pformat({"key": conf.api_key()})
    assert API_KEY not in repr(vars(provider.client()))


@pytest.mark.urls("tests.management.no_urls")
@pytest.mark.django_db
def test_an_address_that_cannot_be_built_is_said_without_its_token():
    attempt = make_attempt(make_task())
    token = callback_tokens.sign(attempt.pk)
    with pytest.raises(ConfigurationError) as caught:
        callback_tokens.url_for(attempt.pk)
    assert not [text for text in shown(caught.value) if token[4:-4] in text]


# -- the whole road


@pytest.fixture
def site(evolink_simulator, settings, tmp_path, wanvideo_wakeups):
    settings.MEDIA_ROOT = tmp_path
    settings.WANVIDEO = {**settings.WANVIDEO, "API_KEY": "sk-simulator", "CALLBACK_BASE_URL": "https://site.example"}
    task = VideoTask.objects.create_task(prompt="A cat", first_frame=picture(), duration=2)
    task.submit()
    return task


@pytest.mark.commit_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.integration
@pytest.mark.parametrize("point", [b"Authorization: Bearer sk-simulator", b"callback_url", "answer"], ids=str)
@pytest.mark.parametrize("is_uploaded", [False, True])
def test_a_task_that_is_sent_shows_no_secret(site, late, point, is_uploaded, monkeypatch):
    if is_uploaded:
        item = site.first_frame
        monkeypatch.setattr(submission.media, "provider_urls", lambda task, client: {"first_frame": [item.file.name]})
    late(point)
    with pytest.raises(JobTimeoutException) as caught:
        submission.send(site.pk)
    secrets = ["sk-simulator"]
    if attempt := Attempt.objects.first():
        secrets += [callback_tokens.sign(attempt.pk), callback_tokens.url_for(attempt.pk)]
    assert_hidden(caught.value, *secrets)
    report = ExceptionReporter(None, *(type(caught.value), caught.value, caught.tb)).get_traceback_data()
    own = [frame for frame in report["frames"] if not frame["filename"].startswith(TESTS)]
    assert not [secret for secret in secrets for frame in own if secret in str(frame["vars"])]


@pytest.mark.commit_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.integration
def test_a_task_that_is_looked_at_shows_no_secret(site, late):
    submission.send(site.pk)
    late("answer")
    with pytest.raises(JobTimeoutException) as caught:
        polling.sync([site.pk])
    attempt = Attempt.objects.get()
    assert_hidden(caught.value, "sk-simulator", callback_tokens.sign(attempt.pk))
