"""YAML and JSON text as events for ``placer.spec.nodes``.

Plain YAML scalars follow the YAML 1.2 core schema, not 1.1: ``no`` and ``on`` are text, ``010`` is
ten, ``1e9`` is a number.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from placer.errors import InputError, Problem, shorten
from placer.spec.nodes import MAX_DEPTH, Event, EventKind, Refused

MAX_DIGITS = 40
# libyaml where PyYAML was built with it (every wheel), else its pure Python twin.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER: Final = re.compile(r"[-+]?[0-9][0-9_]*")
_NUMBER: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.?(nan|inf|infinity)", re.IGNORECASE)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_CONSTANTS: Final = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_JSON_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s{}\[\]:,"]+|\n', re.DOTALL)


def yaml_events(source: str, text: str) -> Iterator[Event]:
    """Read one YAML document as it is parsed, so that limits act before the file's end.

    Raises
    ------
    InputError
        For a syntax error, a tag, an empty file or a second document.
    """
    num_documents = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.DocumentStartEvent):
                num_documents += 1
                if num_documents > 1:
                    position = _position(event.start_mark)
                    raise _refusal(source, position, "one document", "a second one after ---")
            elif isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
                yield _yaml_event(source, event)
    except yaml.YAMLError as error:
        raise _syntax_error(source, error) from error
    if not num_documents:
        raise _refusal(source, (None, None), "fields and values", "an empty file")


def _yaml_event(source: str, event: yaml.NodeEvent | yaml.CollectionEndEvent) -> Event:
    line, column = _position(event.start_mark)
    if isinstance(event, yaml.CollectionEndEvent):
        return Event(EventKind.CLOSE, line, column)
    if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
        raise _refusal(source, (line, column), "plain values", f"the tag {shorten(event.tag)}")
    if isinstance(event, yaml.ScalarEvent):
        is_plain = event.implicit[0]
        value = plain_value(event.value) if is_plain else _text_value(event.value)
        return Event(EventKind.SCALAR, line, column, value, event.value, event.anchor)
    if isinstance(event, yaml.AliasEvent):
        return Event(EventKind.ALIAS, line, column, text=event.anchor or "")
    is_mapping = isinstance(event, yaml.MappingStartEvent)
    kind = EventKind.MAPPING if is_mapping else EventKind.SEQUENCE
    return Event(kind, line, column, anchor=event.anchor)


def plain_value(text: str) -> object:
    """Resolve an unquoted scalar by the YAML 1.2 core schema; ``Refused`` where no field could."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if not _NUMBER.fullmatch(text):
        return _text_value(text)
    if len(text) > MAX_DIGITS:
        return Refused(f"a number of at most {MAX_DIGITS} characters", f"one of {len(text)}")
    if _INTEGER.fullmatch(text):
        return int(text.replace("_", ""))
    value = float(text.replace("_", ""))
    return value if math.isfinite(value) else Refused("a finite number", text)


def _text_value(text: str) -> object:
    """Refuse text that Python would read as no finite number, or could not write out again."""
    if _NOT_FINITE.fullmatch(text):
        return Refused("a finite number", text)
    if _SURROGATE.search(text):
        return Refused("text", "half of a surrogate pair")
    return text


def _position(mark: Any) -> tuple[int, int]:
    """Line and column from 1, of the marks of either loader."""
    return mark.line + 1, mark.column + 1


def _syntax_error(source: str, error: yaml.YAMLError) -> InputError:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "a syntax error"
    position = (None, None) if mark is None else _position(mark)
    return _refusal(source, position, "valid YAML", str(what))


def _refusal(
    source: str, position: tuple[int | None, int | None], expected: str, found: str
) -> InputError:
    line, column = position
    problem = Problem(source=source, line=line, column=column, expected=expected, found=found)
    return InputError([problem])


def json_events(source: str, text: str) -> Iterator[Event]:
    """Read one JSON document; NaN and Infinity, which Python writes, are refused by value.

    Raises
    ------
    InputError
        For a syntax error, or nesting too deep to parse.
    """
    try:
        json.loads(text, parse_int=str, parse_float=str)  # for its syntax alone
    except json.JSONDecodeError as error:
        raise _refusal(source, (error.lineno, error.colno), "valid JSON", error.msg) from error
    except RecursionError as error:
        raise _refusal(
            source, (None, None), f"at most {MAX_DEPTH} nested levels", "thousands"
        ) from error
    return _json_tokens(text)


def _json_tokens(text: str) -> Iterator[Event]:
    """Walk the tokens of valid JSON; commas and colons carry nothing the order does not say."""
    line, line_start = 1, 0
    for token in _JSON_TOKEN.finditer(text):
        word, column = token[0], token.start() - line_start + 1
        if word == "\n":
            line, line_start = line + 1, token.end()
        elif word == "{":
            yield Event(EventKind.MAPPING, line, column)
        elif word == "[":
            yield Event(EventKind.SEQUENCE, line, column)
        elif word in "}]":
            yield Event(EventKind.CLOSE, line, column)
        elif word.startswith('"'):
            string = json.loads(word)
            yield Event(EventKind.SCALAR, line, column, _text_value(string), string)
        else:
            yield Event(EventKind.SCALAR, line, column, plain_value(word), word)
