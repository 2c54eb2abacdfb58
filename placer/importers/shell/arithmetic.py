"""Whole-number arithmetic as shells have it: ``$((NODES * GPUS))``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

MAX_TOKENS: Final = 200
MAX_VALUE: Final = 1 << 62
_TOKEN: Final = re.compile(r"\s*(?:(\d{1,18})|\$?\{?([A-Za-z_]\w*)\}?|(\*\*|[-+*/%()]))")


class UnknownValue(Exception):  # noqa: N818 (no error of anybody's: the value shows at run time)
    """What an expression comes to cannot be told from the script alone."""


def evaluate(text: str, value_of: Callable[[str], str]) -> int:
    """The value of an expression of + - * / % and brackets.

    Raises
    ------
    UnknownValue
        For other operators, names without a number, division by zero.
    """
    tokens = _tokens(text, value_of)
    reader = _Reader(tokens)
    value = reader.sum()
    if reader.rest():
        raise UnknownValue
    return value


def _tokens(text: str, value_of: Callable[[str], str]) -> list[int | str]:
    tokens: list[int | str] = []
    position = 0
    text = text.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or len(tokens) > MAX_TOKENS:
            raise UnknownValue
        position = match.end()
        number, name, operator = match.groups()
        if operator:
            tokens.append(operator)
        else:
            tokens.append(_number(number or value_of(name)))
    return tokens


def _number(text: str) -> int:
    """A decimal number; one with a leading zero would be octal."""
    if not re.fullmatch(r"-?(0|[1-9]\d{0,17})", text):
        raise UnknownValue
    return int(text)


class _Reader:
    """Recursive descent; depth is bounded by the number of tokens."""

    def __init__(self, tokens: list[int | str]) -> None:
        self._tokens = tokens

    def rest(self) -> bool:
        """Whether anything was left unread."""
        return bool(self._tokens)

    def sum(self) -> int:
        """Terms with + and - between them."""
        value = self._product()
        while self._next() in {"+", "-"}:
            sign = 1 if self._tokens.pop(0) == "+" else -1
            value = _checked(value + sign * self._product())
        return value

    def _product(self) -> int:
        value = self._factor()
        while (operator := self._next()) in {"*", "/", "%"}:
            self._tokens.pop(0)
            other = self._factor()
            if operator == "*":
                value = _checked(value * other)
            elif other == 0 or value < 0 or other < 0:
                raise UnknownValue
            else:
                value = value // other if operator == "/" else value % other
        return value

    def _factor(self) -> int:
        first = self._tokens.pop(0) if self._tokens else ""
        if isinstance(first, int):
            return first
        if first == "-":
            return -self._factor()
        if first == "(":
            value = self.sum()
            if self._next() == ")":
                self._tokens.pop(0)
                return value
        raise UnknownValue

    def _next(self) -> int | str:
        return self._tokens[0] if self._tokens else ""


def _checked(value: int) -> int:
    if abs(value) > MAX_VALUE:
        raise UnknownValue
    return value
