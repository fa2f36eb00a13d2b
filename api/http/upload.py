"""Uploaded files, streamed to disk as they come (multipart/form-data, RFC 7578).

Memory does not grow with a file: each part goes to a file of its own in the given folder, readable
by its owner only. A file keeps the last part of the name it was sent with, since the loader knows
tables by it.
"""

from __future__ import annotations

import os
import re
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Final

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.http.problems import Refusal
from graph_service.errors import HomeError, UsageError

_MOST_PARTS: Final = 1000
_LONGEST_FIELD: Final = 1 << 10
_LONGEST_NAME: Final = 120
_BLOCK: Final = 1 << 20
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f]|^\.+")


async def received(request: Request, folder: Path) -> Upload:
    """All parts of a request, its files in `folder`."""
    upload = Upload(request.headers.get("content-type", ""), folder)
    try:
        block = bytearray()
        async for chunk in request.stream():
            block += chunk
            if len(block) >= _BLOCK:
                await run_in_threadpool(upload.write, bytes(block))
                block.clear()
        await run_in_threadpool(upload.write, bytes(block))
        upload.end()
    finally:
        upload.close()
    return upload


class Upload:
    """What one request brings: `files` in the order they came, and short `fields` of text."""

    def __init__(self, content_type: str, folder: Path) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise Refusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "Files are sent as multipart/form-data. Send each as a part named `files`.",
            )
        self.files: list[Path] = []
        self.fields: dict[str, str] = {}
        self._folder = folder
        self._parts = 0
        self._ended = False
        self._file: BinaryIO | None = None
        self._field: str | None = None
        self._text = bytearray()
        self._header = (bytearray(), bytearray())
        self._headers: dict[bytes, bytes] = {}
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._open,
                "on_part_data": self._data,
                "on_part_end": self._close_part,
                "on_end": self._finish,
            },
        )

    def write(self, block: bytes) -> None:
        """Take the next bytes."""
        try:
            self._parser.write(block)
        except FormParserError as error:
            raise UsageError("The parts of the form cannot be told apart. Send it anew.") from error
        except OSError as error:
            raise HomeError(
                f"The upload cannot be kept ({error.strerror}). Make room in the home folder."
            ) from error

    def end(self) -> None:
        """Refuse what was cut off, and a form without a file."""
        if not self._ended:
            raise UsageError("The form ends in the middle of a part. Send it whole.")
        if not self.files:
            raise UsageError("There is no file in the form. Send each as a part named `files`.")

    def close(self) -> None:
        """Let go of the file that is being written, if any."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise UsageError(f"A form has {_MOST_PARTS} parts at most. Send the rest in another.")
        self._headers = {}

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _header_end(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _open(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        name = options.get(b"filename")
        if name is None:
            self._field = options.get(b"name", b"").decode("utf-8", "replace")
            self._text.clear()
            return
        path = self._folder / str(self._parts) / file_name(name)
        path.parent.mkdir(mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self.files.append(path)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(memoryview(data)[start:end])
            return
        self._text.extend(data[start:end])
        if len(self._text) > _LONGEST_FIELD:
            raise UsageError("A part without a file name is too long. Send files with their names.")

    def _close_part(self) -> None:
        if self._file is not None:
            self.close()
        elif self._field is not None:
            self.fields[self._field] = self._text.decode("utf-8", "replace")
        self._field = None

    def _finish(self) -> None:
        self._ended = True


def file_name(sent: bytes) -> str:
    """The last part of the name that a file was sent with, fit to be a file's name here."""
    last = re.split(r"[/\\]", sent.decode("utf-8", "replace"))[-1]
    stem, dot, suffix = _UNFIT.sub("", last).strip().rpartition(".")
    suffix = suffix.encode()[:20].decode("utf-8", "ignore")
    stem = stem.encode()[:_LONGEST_NAME].decode("utf-8", "ignore")
    return f"{stem}{dot}{suffix}" or "file"
