"""The file service, and the public links of uploaded files and results."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from werkzeug.utils import send_file
from werkzeug.wrappers import Response

from django_wanvideo.simulator.media import images
from django_wanvideo.simulator.media.video import DrawingUnavailableError
from django_wanvideo.simulator.provider.errors import ApiError, file_error

from . import fault_responses
from .messages import Answer, ApiRequest, json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_wanvideo.simulator.provider.state import State

#: What the upload pages list: no BMP, no sound, no video.
UPLOADABLE = ("image/jpeg", "image/png", "image/gif", "image/webp")
TYPE_REFUSED = 40002
QUOTA_EXCEEDED = 40003
DOWNLOAD_FAILED = 40004


class FileApi:
    """Endpoints of `/api/v1/files/...`, `/files/...` and `/results/...`."""

    def __init__(self, state: State) -> None:
        self._state = state

    def upload_stream(self, request: ApiRequest) -> Answer:
        """`POST /api/v1/files/upload/stream`: multipart with `file`."""
        files = request.files.getlist("file")
        if len(files) != 1:
            raise file_error(400, message="Send multipart/form-data with exactly one file, in the field 'file'")
        return self._store(request, files[0].read(), request.form, files[0].filename or "")

    def upload_base64(self, request: ApiRequest) -> Answer:
        """`POST /api/v1/files/upload/base64`: JSON with `base64_data`, bare or as a data URL."""
        body = _read_json(request)
        text = body.get("base64_data")
        if not isinstance(text, str) or not text:
            raise file_error(400, message="base64_data is required")
        try:
            data = base64.b64decode(re.sub(r"^data:[^,]*,", "", text, count=1), validate=True)
        except (binascii.Error, ValueError):
            raise file_error(400, message="base64_data is not valid Base64") from None
        return self._store(request, data, body)

    def upload_url(self, request: ApiRequest) -> Answer:
        """`POST /api/v1/files/upload/url`: JSON with `file_url`; only files on this machine are fetched."""
        body = _read_json(request)
        url = body.get("file_url")
        if not isinstance(url, str) or not self._state.options.allow_loopback:
            raise file_error(400, code=DOWNLOAD_FAILED, message="file_url is required, and must be downloadable")
        try:
            data = images.fetch(url)
        except images.ImageError as error:
            raise file_error(400, code=DOWNLOAD_FAILED, message=f"URL download failed: {error.message}") from None
        return self._store(request, data, body, unquote(urlsplit(url).path).rpartition("/")[2])

    def quota(self, request: ApiRequest) -> Answer:
        files = self._state.files
        used = files.used(request.account.id, self._state.now())
        data = {
            "user_group": request.account.group,
            "used_files": used,
            "max_files": files.max_files,
            "remain_files": max(files.max_files - used, 0),
            "is_custom": False,
            "quota_reason": "",
        }
        return json_response({"success": True, "code": 200, "data": data})

    def file(self, request: ApiRequest, **_name: str) -> Answer:
        """`GET /files/...` or `/api/v1/files/download/{id}`: an uploaded file, public for 72 hours."""
        stored = self._state.files.find(request.path, self._state.now())
        if stored is None:
            return fault_responses.proxy_page(404)
        path = self._state.blobs.path(stored.digest)
        return send_file(path, request.environ, stored.mime_type, etag=path.stem[:32])

    def result(self, request: ApiRequest, **_name: str) -> Answer:
        """`GET` or `HEAD /results/...`: a video, public for 24 hours; 403 after that, 404 for what never was."""
        state = self._state
        found = state.tasks.links.get(request.path)
        if found is None:
            return fault_responses.proxy_page(404)
        task, link = found

        def answer() -> Response:
            if state.now() >= link.expires_at:
                return fault_responses.proxy_page(403, "Link expired")
            try:
                path = state.results.file(task.id, task.scene(state.options))
            except DrawingUnavailableError as error:
                request.note = str(error)
                return Response(f"{error}\n", 503)
            return send_file(path, request.environ, "video/mp4", etag=path.stem[:32])

        fault = state.faults.take("result", task.body)
        if fault is None:
            return answer()
        request.fault = str(fault)
        return fault_responses.on_result(request, fault, answer, state.stopping)

    def _store(self, request: ApiRequest, data: bytes, form: Mapping[str, Any], original: str = "") -> Answer:
        """Keep an uploaded file and answer with its links, unless a fault or the documented limits forbid it."""
        state, mime_type = self._state, images.detect_type(data)
        folder, name = _text(form, "upload_path", "uploadPath"), _text(form, "file_name", "fileName")
        request.seen_body = {"file_name": name or original, "mime_type": mime_type, "bytes": len(data)}

        def answer() -> Response:
            if mime_type not in UPLOADABLE:
                message = f"File type not allowed: {mime_type}. Supported: {', '.join(UPLOADABLE)}"
                raise file_error(400, code=TYPE_REFUSED, message=message)
            identity, now = request.account.id, state.now()
            stored = state.files.add(identity, data, mime_type, now=now, folder=folder, name=name, original=original)
            if stored is None:
                raise _quota_exceeded()
            return _uploaded(stored.as_body(state.link_base(request.header("Host"))))

        fault = state.faults.take("upload", request.seen_body)
        if fault is None:
            return answer()
        request.fault = str(fault)
        if fault.name == "quota":
            raise _quota_exceeded()
        if fault.name == "without_url":
            return _uploaded({})
        return fault_responses.broken(request, fault, answer) or answer()


def _uploaded(data: dict[str, Any]) -> Response:
    return json_response({"success": True, "code": 200, "msg": "File uploaded successfully", "data": data})


def _quota_exceeded() -> ApiError:
    return file_error(400, code=QUOTA_EXCEEDED, message="File quota exceeded")


def _read_json(request: ApiRequest) -> dict[str, Any]:
    try:
        body = request.read_json()
    except ValueError:
        raise file_error(400, message="The body is not valid JSON") from None
    if not isinstance(body, dict):
        raise file_error(400, message="The body must be a JSON object")
    return body


def _text(form: Mapping[str, Any], *names: str) -> str:
    return next((form[name] for name in names if form.get(name) and isinstance(form[name], str)), "")
