"""What was paid for is read from answers that are a little wrong, and nothing of them deceives."""

from __future__ import annotations

import json

import pytest

from django_wanvideo.downloads.urls import DownloadError, parse_url
from django_wanvideo.evolink import client, outcome
from django_wanvideo.evolink.error_bodies import decode, read_error
from django_wanvideo.evolink.exceptions import InvalidResponse, OutcomeUnknownError
from django_wanvideo.evolink.transport import HttpResult
from django_wanvideo.evolink.types import ProviderStatus, TaskSnapshot
from django_wanvideo.http.text import NO_SECRET, one_line

ID = "task-unified-1757169743-7cvnl5zw"
LINK = "https://files.example/v.mp4"


def done(**fields: object) -> TaskSnapshot:
    return TaskSnapshot.parse({"id": ID, "status": "completed", **fields})


@pytest.mark.fault("K6.odd-link-is-quoted")
@pytest.mark.parametrize(
    ("link", "quoted"),
    [
        ("https://h.example/a b.mp4", "https://h.example/a%20b.mp4"),
        (' https://h.example/v?n=filename="x y.mp4"\n', "https://h.example/v?n=filename=%22x%20y.mp4%22"),
        ("https://h.example/a|b{c}^d\\e`.mp4", "https://h.example/a%7Cb%7Bc%7D%5Ed%5Ce%60.mp4"),
        ("https://h.example/<a>?x=<b>", "https://h.example/%3Ca%3E?x=%3Cb%3E"),
        ("https://h.example/视频.mp4?名=é", "https://h.example/%E8%A7%86%E9%A2%91.mp4?%E5%90%8D=%C3%A9"),
        ("https://h.example/100%.mp4?s=%2F%zz", "https://h.example/100%25.mp4?s=%2F%25zz"),
        ("https://h.example/v.mp4#t=1|2", "https://h.example/v.mp4#t=1%7C2"),
        ("https://h.example/v\u202e4pm.mp4", "https://h.example/v%E2%80%AE4pm.mp4"),
        ("https://h.example/v.mp4\r\nX: y", "https://h.example/v.mp4%0D%0AX:%20y"),
        ("HTTPS://H.example/v.mp4", "HTTPS://H.example/v.mp4"),
        ("https://h.example?a=[1]", "https://h.example?a=[1]"),
        ("https://h.example/a%20b?sig=a%2Bb~c!$&'()*+,;=:@/", "https://h.example/a%20b?sig=a%2Bb~c!$&'()*+,;=:@/"),
    ],
)
def test_a_link_with_what_is_not_legal_in_it_is_quoted_and_never_dropped(link: str, quoted: str):
    assert done(results=[link]).result_urls == (quoted,)
    target = parse_url(quoted, allowed_hosts=(), allow_private=False)
    assert target.host == "h.example"
    assert target.path.isascii()
    assert " " not in target.path


@pytest.mark.fault("K6.quoting-opens-no-door")
@pytest.mark.parametrize(
    "link",
    [
        "https://user@h.example/v.mp4",
        "https://user:pass@h.example/v.mp4",
        "https://h.example\\@127.0.0.1/v.mp4",
        "https://h.example\\.evil.example/v.mp4",
        "https:\\\\h.example\\v.mp4",
        "https://h.example\t.evil.example/v.mp4",
        "https://h.example |/v.mp4",
        "https://h\u202e.example/v.mp4",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https:///v.mp4",
        "//h.example/v.mp4",
    ],
)
def test_what_is_odd_about_the_host_itself_stays_refused(link: str):
    assert done(results=[link]).result_urls == ()
    with pytest.raises(DownloadError):
        parse_url(link, allowed_hosts=(), allow_private=False)


@pytest.mark.fault("K6.quoting-opens-no-door")
def test_the_sites_own_list_of_hosts_is_applied_to_what_is_asked():
    (link,) = done(results=["https://evil.example/ .evolink.ai/v.mp4#@files.evolink.ai"]).result_urls
    with pytest.raises(DownloadError) as caught:
        parse_url(link, allowed_hosts=[".evolink.ai"], allow_private=False)
    assert caught.value.reason == "forbidden_host"


BODY = {"id": ID, "status": "pending", "progress": 0, "note": "caf"}


def answer(body: bytes, status: int = 200) -> HttpResult:
    return HttpResult(status, {}, body)


ODD_BODIES = {
    "a byte that is not UTF-8": json.dumps(BODY).encode().replace(b"caf", b"caf\xe9"),
    "half a character": json.dumps(BODY).encode().replace(b"caf", b"caf\xc3"),
    "a BOM": b"\xef\xbb\xbf" + json.dumps(BODY).encode(),
    "UTF-16": json.dumps(BODY).encode("utf-16"),
    "NaN": json.dumps(BODY).encode().replace(b'"caf"', b"NaN"),
    "Infinity": json.dumps(BODY).encode().replace(b'"caf"', b"-Infinity"),
    "blank lines": b"\r\n\r\n" + json.dumps(BODY).encode() + b"\r\n",
    "something after it": json.dumps(BODY).encode() + b"\n<!-- served by edge-7 -->",
    "a second object after it": json.dumps(BODY).encode() + b'{"error": {"code": "x", "message": "y"}}',
    "NULs after it": json.dumps(BODY).encode() + b"\0" * 8,
    "its id once more, as nothing": json.dumps(BODY).encode().replace(b'"caf"', b'1, "id": null'),
}


@pytest.mark.fault("K6.one-bad-byte")
@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES)
def test_an_acceptance_that_is_a_little_wrong_is_an_acceptance_with_its_id(body: bytes):
    assert outcome.created(answer(body), NO_SECRET).snapshot.id == ID
    assert TaskSnapshot.parse(outcome.content(answer(body), NO_SECRET)).id == ID


@pytest.mark.fault("K6.one-bad-byte")
@pytest.mark.parametrize(
    "body", [b'{"id":"task-unified-1\xff","status":"pending"}', b'{"id":"task-\xff\xfe', b"\xff\xfe", b""]
)
def test_an_id_with_a_piece_missing_is_no_id(body: bytes):
    with pytest.raises(OutcomeUnknownError):
        outcome.created(answer(body), NO_SECRET)


@pytest.mark.fault("K6.one-bad-byte")
@pytest.mark.parametrize("data", [BODY, [BODY], {"task_id": ID}])
def test_an_acceptance_in_a_wrapper_is_one(data: object):
    wrapped = json.dumps({"code": 200, "data": data}).encode()
    assert outcome.created(answer(wrapped), NO_SECRET).snapshot.id == ID


@pytest.mark.fault("K6.missing-id")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": "completed", "results": [LINK]}, ProviderStatus.COMPLETED),
        ({"results": [LINK]}, ProviderStatus.COMPLETED),
        ({"id": None, "results": [LINK], "status": "success"}, ProviderStatus.COMPLETED),
        ({"status": "failed", "error": {"code": "service_error"}}, None),
        ({"status": "error", "message": "upstream connect error"}, None),
        ({"status": "completed"}, None),
        ({}, None),
        ({"message": "ok"}, None),
        ({"id": "task-unified-1-other000", "status": "completed", "results": [LINK]}, None),
    ],
)
def test_a_link_without_an_id_is_of_the_task_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, body: dict[str, object], status: ProviderStatus | None
):
    monkeypatch.setattr(client, "perform", lambda *_call: answer(json.dumps(body).encode()))
    asked = client.EvoLinkClient("sk-simulator")
    if status is None:
        with pytest.raises(InvalidResponse):
            asked.get_task(ID)
    else:
        found = asked.get_task(ID)
        assert (found.id, found.status) == (ID, status)


@pytest.mark.fault("K6.one-bad-byte")
def test_what_is_no_json_at_its_start_stays_unreadable():
    page = b"<html><script>" + json.dumps(BODY).encode() + b"</script></html>"
    with pytest.raises(InvalidResponse):
        outcome.content(answer(page), NO_SECRET)
    with pytest.raises(OutcomeUnknownError):
        outcome.created(answer(page), NO_SECRET)


@pytest.mark.fault("K6.one-bad-byte")
def test_a_refusal_is_concluded_from_a_whole_body_only():
    refusal = json.dumps({"error": {"code": "invalid_request", "message": "No."}}).encode()
    assert read_error(refusal.replace(b"No.", b"N\xff."), NO_SECRET).recognised
    assert not read_error(refusal + refusal, NO_SECRET).recognised
    with pytest.raises(OutcomeUnknownError):
        outcome.created(answer(refusal + b"<html>", 400), NO_SECRET)


def test_json_that_is_nested_for_ever_is_unreadable():
    with pytest.raises(ValueError, match="nested"):
        decode(b"[" * 200_000)


@pytest.mark.fault("K6.words-for-done")
@pytest.mark.parametrize("word", ["succeed", "SUCCEEDED", "success", "Done", " finished ", "complete", "COMPLETED"])
def test_every_word_for_done_is_done(word: str):
    assert TaskSnapshot.parse({"id": ID, "status": word, "results": [LINK]}).status is ProviderStatus.COMPLETED


@pytest.mark.fault("K6.missing-status-beside-a-link")
@pytest.mark.parametrize("status", [None, "", " ", {}])
def test_a_missing_status_beside_a_good_link_is_done(status: object):
    assert TaskSnapshot.parse({"id": ID, "status": status, "results": [LINK]}).status is ProviderStatus.COMPLETED
    assert TaskSnapshot.parse({"id": ID, "result_data": {"url": LINK}}).status is ProviderStatus.COMPLETED


@pytest.mark.fault("K6.missing-status-beside-a-link")
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, ProviderStatus.UNKNOWN),
        ({"results": ["nothing"]}, ProviderStatus.UNKNOWN),
        ({"results": [LINK], "error": {"code": "x"}}, ProviderStatus.UNKNOWN),
        ({"results": [LINK], "status": "rendering"}, ProviderStatus.UNKNOWN),
        ({"results": [LINK], "status": "rendered", "progress": 100}, ProviderStatus.COMPLETED),
        ({"results": [LINK], "status": "processing"}, ProviderStatus.PROCESSING),
        ({"results": [LINK], "status": "failed"}, ProviderStatus.FAILED),
    ],
)
def test_but_only_where_nothing_says_otherwise(fields: dict[str, object], status: ProviderStatus):
    assert TaskSnapshot.parse({"id": ID, **fields}).status is status


@pytest.mark.fault("K6.links-in-other-places")
@pytest.mark.parametrize(
    "fields",
    [
        {"results": {"url": LINK}},
        {"results": {"video_url": LINK}},
        {"result_data": {"videos": [{"url": LINK}]}},
        {"result_data": [{"video": {"url": LINK}}]},
        {"result_data": {"results": [LINK]}},
        {"results": [[LINK]]},
        {"video_url": LINK},
    ],
)
def test_a_link_is_found_in_every_plausible_place(fields: dict[str, object]):
    assert done(**fields).result_urls == (LINK,)


@pytest.mark.fault("K6.links-in-other-places")
def test_a_picture_or_a_sound_beside_it_is_not_taken_for_the_video():
    other = "https://files.example/cover.png"
    found = done(result_data={"image_url": other, "audio_url": other, "video_url": LINK, "url": LINK})
    assert found.result_urls == (LINK,)


DIRT = "a\r\nb\x00c\x85d\x9b31me\u202ef\u2066g\u200eh\u2028i\ufeffj\x1b[2Jk"


@pytest.mark.fault("K6.clean-words")
def test_no_line_end_control_or_direction_mark_comes_through_one_line():
    cleaned = one_line(DIRT)
    assert cleaned == "a bc d31mefgh ij[2Jk"
    assert cleaned.isprintable()


@pytest.mark.fault("K6.clean-words")
def test_codes_and_messages_of_evolink_are_clean():
    body = {"id": ID, "status": "failed", "model": DIRT, "error": {"code": DIRT, "message": DIRT}}
    snapshot = TaskSnapshot.parse(body)
    assert snapshot.error is not None
    assert snapshot.error.code.isprintable()
    assert snapshot.model.isprintable()
    assert snapshot.error.message.replace("\n", "").isprintable()
    refusal = read_error(json.dumps({"error": {"code": DIRT, "message": DIRT, "request_id": DIRT}}).encode(), NO_SECRET)
    assert all(word.isprintable() for word in (refusal.code, refusal.message, refusal.request_id))


@pytest.mark.fault("K6.clean-words")
def test_an_id_of_the_request_in_a_header_is_clean():
    assert HttpResult(200, {"x-request-id": DIRT}, b"").request_id.isprintable()
