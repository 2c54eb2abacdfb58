"""Damage to files: bytes and lines flipped, tokens replaced by what parsers are known to fear."""

from __future__ import annotations

import random
from typing import Final

AWKWARD: Final = tuple(
    text.encode()
    for text in (
        "", " ", "0", "-1", "1e308", "1e-320", "9" * 40, "9" * 400, "9" * 5000, "0x10", "1_000",
        "nan", "-inf", ".5", "1e9999", "null", "~", "true", "[]", "{}", "[[[[", "}}", "''", '"',
        "\t", "\r\n", "\u2028", "\ufeff", "\u0661\u0662", "\u202e", "\U0001f4a5", "\x00", "\x1b[31m",
        "&a", "*a", "!!python/object:os.system", "---", "...", "${X}", "$(reboot)", "`id`", "$((1/0))",
        "$((2**99999))", "\\", "../../etc/passwd", "%s%n", "a[0-999999999]", "[0-3]", "400 Gbit/s",
        "-5 GB/s", "1e400 GiB", "10 parsecs", "4096 hosts", "8 8",
    )
)  # fmt: skip


def mutated(data: bytes, source: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    """A file with one to six wounds."""
    for _ in range(source.randint(1, 6)):
        data = source.choice(WOUNDS)(data, source, seeds)
    return data


def _line_lost(data: bytes, source: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    lines = data.splitlines(keepends=True)
    first, count = source.randrange(len(lines) + 1), source.choice((1, 1, 2, 8))
    return b"".join(lines[:first] + lines[first + count :])


def _line_moved(data: bytes, source: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines:
        line = source.choice(lines)
        lines.insert(source.randrange(len(lines) + 1), line)
    return b"".join(lines)


def _line_of_another(data: bytes, source: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    lines = data.splitlines(keepends=True)
    others = source.choice(seeds).splitlines(keepends=True)
    first = source.randrange(len(others) + 1)
    at = source.randrange(len(lines) + 1)
    return b"".join(lines[:at] + others[first : first + source.choice((1, 3))] + lines[at:])


def _token_replaced(data: bytes, source: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    """One run of letters and digits becomes something awkward."""
    start = source.randrange(len(data) + 1)
    while start < len(data) and not chr(data[start]).isalnum():
        start += 1
    end = start
    while end < len(data) and chr(data[end]).isalnum():
        end += 1
    return data[:start] + source.choice(AWKWARD) + data[end:]


def _token_inserted(data: bytes, source: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    at = source.randrange(len(data) + 1)
    return data[:at] + source.choice(AWKWARD) + data[at:]


def _digit_changed(data: bytes, source: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    digits = [at for at, byte in enumerate(data[:20_000]) if chr(byte).isdigit()]
    if not digits:
        return data
    at = source.choice(digits)
    return data[:at] + source.choice((b"0", b"9", b"-", b"1e", b"99999")) + data[at + 1 :]


def _byte_changed(data: bytes, source: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    if not data:
        return data
    at = source.randrange(len(data))
    return data[:at] + bytes([source.randrange(256)]) + data[at + 1 :]


def _cut(data: bytes, source: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    return data[: source.randrange(len(data) + 1)]


def _piece_lost(data: bytes, source: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    at = source.randrange(len(data) + 1)
    return data[:at] + data[at + source.choice((1, 2, 8, 64)) :]


WOUNDS: Final = (
    _line_lost, _line_moved, _line_of_another, _token_replaced, _token_replaced, _token_inserted,
    _digit_changed, _byte_changed, _cut, _piece_lost,
)  # fmt: skip
