"""What the user says the software of a run does: ``--feature name=value``."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from pydantic import ValidationError

from placer.errors import InputError, Problem, shorten
from placer.spec.run import Features
from placer.spec.suggest import did_you_mean

_WORDS: Final = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}


def parse_features(texts: Iterable[str]) -> Features:
    """Features from texts such as ``tp_comm_overlap=on`` or ``moe_dispatcher=deepep``.

    Raises
    ------
    InputError
        With every text that is not understood.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for text in texts:
        name, sign, value = (part.strip() for part in text.partition("="))
        if name not in Features.model_fields or not sign:
            problems.append(_unknown(text, name))
        elif name in values:
            problems.append(_problem(text, f"{name} once"))
        else:
            values[name] = _value(name, value)
    try:
        features = Features.model_validate(values)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            name = str(detail["loc"][0])
            problems.append(_problem(f"{name}={detail['input']}", _expected(name, detail["msg"])))
        raise InputError(problems) from error
    if problems:
        raise InputError(problems)
    return features


def _value(name: str, text: str) -> Any:
    """The text as its field wants it: a flag, a number or a word."""
    annotation = Features.model_fields[name].annotation
    if annotation is bool:
        return _WORDS.get(text.lower(), text)
    if annotation is float:
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _expected(name: str, message: str) -> str:
    """What a field takes, in the user's words."""
    annotation = Features.model_fields[name].annotation
    if annotation is bool:
        return "on or off"
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return f"one of {', '.join(annotation)}"
    return message


def _unknown(text: str, name: str) -> Problem:
    remedy = did_you_mean(name, Features.model_fields)
    return Problem(
        source="--feature", expected="NAME=VALUE", found=shorten(repr(text)), remedy=remedy
    )


def _problem(text: str, expected: str) -> Problem:
    return Problem(source="--feature", expected=shorten(expected), found=shorten(repr(text)))
