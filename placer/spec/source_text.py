"""Input files as text: bounded, decoded, hashed, and refused with a reason otherwise."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from placer.errors import InputError, Problem, shorten
from placer.units import format_size

MAX_BYTES = 1 << 20
MAX_NAME = 255
_CONTROL_BYTES = bytes(code for code in (*range(0x20), 0x7F) if code not in b"\t\n\r")
_COLOUR = re.compile("\x1b\\[[0-9;]{0,20}m")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceText:
    """A file's text under the name the user knows it by; ``sha256`` is of its bytes."""

    name: str
    sha256: str
    text: str


def read_text(path: Path, *, max_bytes: int = MAX_BYTES, colours: bool = False) -> SourceText:
    """Read a text file.

    Parameters
    ----------
    path
        The file.
    max_bytes
        What is longer is refused unread.
    colours
        Drop the escape sequences with which tools colour their output, instead of refusing them.

    Raises
    ------
    InputError
        When the file is missing, unreadable, no regular file, too large, or no UTF-8 text.
    """
    raw = _read_bytes(path, max_bytes)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{raw[error.start]:02x} at offset {error.start}"
        raise _refusal(path, "text in UTF-8", found, "Save the file as UTF-8.", line) from error
    if colours and "\x1b" in text:
        text = _COLOUR.sub("", text)
    if len(raw.translate(None, _CONTROL_BYTES)) < len(raw) and (control := _CONTROL.search(text)):
        line = text.count("\n", 0, control.start()) + 1
        found = f"control character U+{ord(control[0]):04X}"
        raise _refusal(path, "text", found, "This looks like a binary file.", line)
    return SourceText(name=str(path), sha256=hashlib.sha256(raw).hexdigest(), text=text)


def _read_bytes(path: Path, max_bytes: int) -> bytes:
    """The bytes of one opening: what becomes of the path, or grows, in the meantime is not read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                raise _refusal(path, "a file", "a directory", _directory_remedy(path))
            if not stat.S_ISREG(status.st_mode):
                raise _refusal(path, "a regular file", "a device, pipe or socket", "")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                raw = file.read(max_bytes + 1)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _refusal(path, "a file", "nothing at this path", "Check the path.") from error
    except PermissionError as error:
        found = "a file you may not read"
        raise _refusal(path, "a readable file", found, "Check its permissions.") from error
    except (OSError, ValueError) as error:  # too long a name, a loop of links, a null character
        found = getattr(error, "strerror", None) or str(error)
        raise _refusal(path, "a readable file", found, "Check the path.") from error
    if len(raw) > max_bytes:
        size = format_size(max(status.st_size, len(raw)))
        remedy = "An input is a page of text; is this the right file?"
        raise _refusal(path, f"a file of at most {format_size(max_bytes)}", size, remedy)
    return raw


def _directory_remedy(path: Path) -> str:
    inside = path / "config.json"
    return f"Give {inside}." if inside.is_file() else "Give a file inside it."


def _refusal(
    path: Path, expected: str, found: str, remedy: str, line: int | None = None
) -> InputError:
    name = str(path) if len(path.name) <= MAX_NAME else shorten(str(path))
    problem = Problem(source=name, line=line, expected=expected, found=found, remedy=remedy)
    return InputError([problem])
