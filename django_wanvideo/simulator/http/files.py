"""The file service, and the public links of uploaded files and results."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from . import mischief, pictures
from .errors import PROXY_PAGE, ApiError, file_error
from .video import DrawingUnavailableError
from .wire import Request, Response, html_response, json_response, read_multipart, read_range

if TYPE_CHECKING:
    from pathlib import Path

    from .core import Simulator
    from .mischief import Answer

#: What the upload pages list: no BMP, no sound, no video.
UPLOADABLE = ("image/jpeg", "image/png", "image/gif", "image/webp")
TYPE_REFUSED = 40002
QUOTA_EXCEEDED = 40003
DOWNLOAD_FAILED = 40004


class MediaApi:
    """Handlers of `/api/v1/files/...`, `/files/...` and `/results/...`."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim

    def upload_stream(self, request: Request) -> Answer:
        """`POST /api/v1/files/upload/stream`: multipart with `file`."""
        try:
            parts = read_multipart(request.header("Content-Type"), request.body)
        except ValueError as error:
            raise file_error(400, message=str(error)) from None
        files = [part for part in parts if part.name == "file"]
        if len(files) != 1:
            raise file_error(400, message="The form must hold exactly one file, in the field 'file'")
        texts = {part.name: part.data.decode("utf-8", "replace") for part in parts if part.file_name is None}
        return self._store(
            request,
            files[0].data,
            folder=texts.get("upload_path") or texts.get("uploadPath") or "",
            name=texts.get("file_name") or texts.get("fileName") or "",
            original=files[0].file_name or "",
        )

    def upload_base64(self, request: Request) -> Answer:
        """`POST /api/v1/files/upload/base64`: JSON with `base64_data`, bare or as a data URL."""
        body = self._read_json(request)
        text = body.get("base64_data")
        if not isinstance(text, str) or not text:
            raise file_error(400, message="base64_data is required")
        try:
            data = base64.b64decode(re.sub(r"^data:[^,]*,", "", text, count=1), validate=True)
        except (binascii.Error, ValueError):
            raise file_error(400, message="base64_data is not valid Base64") from None
        return self._store(request, data, folder=_text(body, "upload_path"), name=_text(body, "file_name"))

    def upload_url(self, request: Request) -> Answer:
        """`POST /api/v1/files/upload/url`: JSON with `file_url`; only files on this machine are fetched."""
        body = self._read_json(request)
        url = body.get("file_url")
        if not isinstance(url, str) or not self._sim.options.allow_loopback:
            raise file_error(400, code=DOWNLOAD_FAILED, message="file_url is required, and must be downloadable")
        try:
            data = pictures.fetch(url)
        except (pictures.Problem, ValueError) as error:
            reason = error.message if isinstance(error, pictures.Problem) else "it is no URL"
            raise file_error(400, code=DOWNLOAD_FAILED, message=f"URL download failed: {reason}") from None
        original = unquote(urlsplit(url).path).rpartition("/")[2]
        return self._store(
            request, data, folder=_text(body, "upload_path"), name=_text(body, "file_name"), original=original
        )

    def quota(self, request: Request) -> Answer:
        """`GET /api/v1/files/quota`."""
        assert request.account is not None  # noqa: S101  (the router has checked the key)
        used, most = self._sim.files.used(request.account, self._sim.clock.now()), self._sim.files.max_files
        data = {
            "user_group": request.account.group,
            "used_files": used,
            "max_files": most,
            "remain_files": max(most - used, 0),
            "is_custom": False,
            "quota_reason": "",
        }
        return json_response({"success": True, "code": 200, "data": data})

    def download(self, request: Request, file_id: str) -> Answer:
        """`GET /api/v1/files/download/{id}`, public."""
        stored = self._sim.files.find_id(file_id, self._sim.clock.now())
        return self._uploaded(request, stored)

    def file(self, request: Request) -> Answer:
        """`GET /files/...`: an uploaded file, public for 72 hours."""
        return self._uploaded(request, self._sim.files.find(request.path, self._sim.clock.now()))

    def result(self, request: Request) -> Answer:
        """`GET` or `HEAD /results/...`: a video, public for 24 hours; 403 after that, 404 for what never was."""
        found = self._sim.results.find(request.path)
        fault = self._sim.faults.take("result", found.task.body if found else {}, lambda name: found is not None)

        def answer() -> Response:
            if found is None:
                return mischief.proxy_page(404)
            if self._sim.clock.now() >= found.expires_at:
                return html_response(PROXY_PAGE.format(status=403, reason="Link expired"), 403)
            try:
                path = self._sim.results.file(found.task)
            except DrawingUnavailableError as error:
                request.note = str(error)
                return Response(503, f"{error}\n".encode(), {"Content-Type": "text/plain; charset=utf-8"})
            return _serve(request, path, "video/mp4")

        if fault is None:
            return answer()
        request.fault = str(fault)
        return mischief.on_result(fault, answer, request.target)

    def _uploaded(self, request: Request, stored: Any) -> Response:
        if stored is None:
            return mischief.proxy_page(404)
        return _serve(request, self._sim.blobs.path(stored.digest), stored.mime_type)

    def _store(self, request: Request, data: bytes, *, folder: str, name: str, original: str = "") -> Answer:
        """Keep an uploaded file and answer with its links, unless a fault or the documented limits forbid it."""
        sim, account = self._sim, request.account
        assert account is not None  # noqa: S101  (the router has checked the key)
        mime_type = pictures.sniff(data)
        request.seen_body = {"file_name": name or original, "mime_type": mime_type, "bytes": len(data)}

        def answer() -> Response:
            if mime_type not in UPLOADABLE:
                message = f"File type not allowed: {mime_type}. Supported: {', '.join(UPLOADABLE)}"
                raise file_error(400, code=TYPE_REFUSED, message=message)
            now = sim.clock.now()
            stored = sim.files.add(
                account, data, now=now, mime_type=mime_type, folder=folder, name=name, original=original
            )
            if stored is None:
                raise _full()
            body = {"success": True, "code": 200, "msg": "File uploaded successfully"}
            return json_response(body | {"data": stored.as_body(sim.link_base(request))})

        fault = sim.faults.take("upload", request.seen_body)
        if fault is None:
            return answer()
        request.fault = str(fault)
        if fault.name == "quota":
            raise _full()
        if fault.name == "without_url":
            return json_response({"success": True, "code": 200, "msg": "File uploaded successfully", "data": {}})
        return mischief.broken(fault, answer) or answer()

    def _read_json(self, request: Request) -> dict[str, Any]:
        try:
            body = request.json()
        except ValueError:
            raise file_error(400, message="The body is not valid JSON") from None
        if not isinstance(body, dict):
            raise file_error(400, message="The body must be a JSON object")
        return body


def _full() -> ApiError:
    return file_error(400, code=QUOTA_EXCEEDED, message="File quota exceeded")


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _serve(request: Request, path: Path, mime_type: str) -> Response:
    """A file, whole or one range of it."""
    size = path.stat().st_size
    headers = {"Content-Type": mime_type, "Accept-Ranges": "bytes", "ETag": f'"{path.stem[:32]}"'}
    try:
        span = read_range(request.header("Range"), size) if request.method == "GET" else None
    except ValueError:
        return Response(416, b"", headers | {"Content-Range": f"bytes */{size}"})
    if span is None:
        return Response(200, path, headers)
    return Response(206, path, headers | {"Content-Range": f"bytes {span[0]}-{span[1] - 1}/{size}"}, span)
