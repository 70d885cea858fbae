"""The file service."""

from __future__ import annotations

import base64
import http.client
import socket
from datetime import datetime
from urllib.parse import urlsplit

import pytest
import requests

from django_wanvideo.simulator import VirtualClock
from tests.pictures import drawn


def test_a_streamed_file_is_answered_as_documented_and_served_publicly(start):
    clock = VirtualClock()
    client = start(clock=clock)
    data = drawn(kind="PNG")
    answer = client.upload(data, "photo one.png", upload_path="photos")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["success"], body["code"], body["msg"]) == (True, 200, "File uploaded successfully")
    stored = body["data"]
    assert (stored["original_name"], stored["mime_type"], stored["upload_path"]) == (
        "photo one.png",
        "image/png",
        "photos",
    )
    assert stored["file_size"] == len(data)
    life = datetime.fromisoformat(stored["expires_at"]) - datetime.fromisoformat(stored["upload_time"])
    assert life.total_seconds() == 72 * 3600
    for url in (stored["file_url"], stored["download_url"]):
        served = requests.get(url, timeout=10)
        assert (served.status_code, served.headers["Content-Type"], served.content) == (200, "image/png", data)
    clock.advance(72 * 3600)
    for url in (stored["file_url"], stored["download_url"]):
        assert requests.get(url, timeout=10).status_code == 404


def test_bytes_survive_the_form_whatever_they_are(client):
    data = drawn() + b"\r\n--boundary\r\n\r\n\x00\xff\r\n"
    assert requests.get(client.uploaded(data), timeout=10).content == data


def test_a_form_in_chunks_is_read(client):
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    answer = client.call(
        "POST",
        "/api/v1/files/upload/stream",
        data=iter([head, drawn(), b"\r\n--b--\r\n"]),
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert answer.json()["data"]["file_size"] == len(drawn())


def test_both_spellings_of_the_form_fields_are_known(client):
    stored = client.upload(drawn(), uploadPath="a/b", fileName="c.jpg").json()["data"]
    assert (stored["upload_path"], stored["file_name"]) == ("a/b", "c.jpg")
    assert stored["file_url"].endswith("/a/b/c.jpg")


def test_names_cannot_leave_the_folder(client):
    stored = client.upload(drawn(), upload_path="../../etc", file_name="../passwd").json()["data"]
    assert ".." not in stored["file_url"]
    assert requests.get(stored["file_url"], timeout=10).status_code == 200


def test_the_same_name_replaces_the_earlier_file(client):
    first = client.uploaded(drawn(), file_name="a.jpg")
    other = drawn(color=(0, 0, 200))
    assert client.uploaded(other, file_name="a.jpg") == first
    assert requests.get(first, timeout=10).content == other
    assert client.call("GET", "/api/v1/files/quota").json()["data"]["used_files"] == 1


@pytest.mark.parametrize("prefix", ["", "data:image/jpeg;base64,"])
def test_base64_is_taken_bare_or_as_a_data_url(client, prefix):
    text = prefix + base64.b64encode(drawn()).decode()
    answer = client.call("POST", "/api/v1/files/upload/base64", json={"base64_data": text, "file_name": "x.jpg"})
    assert requests.get(answer.json()["data"]["file_url"], timeout=10).content == drawn()


def test_a_url_on_this_machine_is_fetched(client):
    url = client.uploaded(drawn())
    answer = client.call("POST", "/api/v1/files/upload/url", json={"file_url": url})
    assert answer.json()["data"]["original_name"] == url.rpartition("/")[2]
    assert answer.json()["data"]["file_url"] != url


@pytest.mark.parametrize(
    "url", ["https://www.example.com/a.jpg", "http://127.0.0.1:1/a.jpg", "nonsense", "http://[", 7, None]
)
def test_a_url_that_cannot_be_fetched_is_40004(client, url):
    answer = client.call("POST", "/api/v1/files/upload/url", json={"file_url": url})
    assert (answer.status_code, answer.json()["success"], answer.json()["code"]) == (400, False, 40004)


def test_nothing_is_fetched_when_loopback_is_not_allowed(start):
    client = start(allow_loopback=False)
    url = client.uploaded(drawn())
    assert client.call("POST", "/api/v1/files/upload/url", json={"file_url": url}).json()["code"] == 40004


@pytest.mark.parametrize(
    "data",
    [
        drawn(kind="BMP"),
        b"ID3\x04" + bytes(100),
        b"RIFF\x00\x00\x00\x00WAVE",
        bytes(4) + b"ftypisom",
        b"%PDF-1.7",
        b"",
    ],
)
def test_what_the_upload_page_does_not_list_is_refused(client, data):
    answer = client.upload(data)
    assert answer.status_code == 400
    assert answer.json()["code"] == 40002
    assert answer.json()["success"] is False


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_what_the_upload_page_lists_is_taken(client, kind):
    assert client.upload(drawn(kind=kind)).json()["data"]["mime_type"] == f"image/{kind.lower()}"


def test_the_quota_counts_living_files_and_ends_uploads(start):
    clock = VirtualClock()
    client = start(clock=clock, max_files=2)
    client.uploaded(drawn()), client.uploaded(drawn())
    quota = client.call("GET", "/api/v1/files/quota").json()
    assert (quota["success"], quota["code"]) == (True, 200)
    assert (quota["data"]["used_files"], quota["data"]["max_files"], quota["data"]["remain_files"]) == (2, 2, 0)
    assert client.upload(drawn()).json()["code"] == 40003
    clock.advance(72 * 3600)
    client.uploaded(drawn())


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"--b\r\nno end"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="other"\r\n\r\nx\r\n--b--'),
        ("application/json", b"{}"),
    ],
)
def test_a_broken_form_is_refused_in_the_services_own_envelope(client, content_type, body):
    answer = client.call("POST", "/api/v1/files/upload/stream", data=body, headers={"Content-Type": content_type})
    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert set(answer.json()) == {"success", "code", "msg"}


def test_a_body_that_is_too_large_is_refused_before_it_is_read(client):
    address = urlsplit(client.sim.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    connection.putrequest("POST", "/api/v1/files/upload/stream")
    connection.putheader("Authorization", f"Bearer {client.sim.api_key}")
    connection.putheader("Content-Type", "multipart/form-data; boundary=b")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413
    assert b"40001" in answer.read()
    connection.close()


def test_the_file_service_wants_the_key_too(client):
    client.key = "sk-wrong"
    answer = client.upload(drawn())
    assert (answer.status_code, answer.json()["code"]) == (401, 401)


def test_the_same_bytes_are_kept_once(client):
    for _ in range(3):
        client.uploaded(drawn())
    assert len(list(client.sim.blobs.folder.iterdir())) == 1


def test_a_folder_of_ones_own_is_kept(start, tmp_path):
    from django_wanvideo.simulator import Simulator
    from tests.simulator.conftest import Client

    with Simulator(media_dir=tmp_path / "media") as sim:
        Client(sim).uploaded(drawn())
    assert len(list((tmp_path / "media").iterdir())) == 1


@pytest.mark.parametrize("body", [b"zz\r\nxx\r\n", b"5\r\nab"])
def test_a_broken_chunked_body_ends_the_connection_and_nothing_else(client, body):
    with socket.create_connection(("127.0.0.1", client.sim.port), timeout=10) as connection:
        connection.sendall(
            b"POST /api/v1/files/upload/stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            + f"Authorization: Bearer {client.sim.api_key}\r\n\r\n".encode()
            + body
        )
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert client.upload(drawn()).status_code == 200
