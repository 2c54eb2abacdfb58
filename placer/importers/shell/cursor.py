"""Reads words of a shell script: quotes, expansions, arrays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from placer.importers.shell.syntax import MAX_DEPTH, Part, PartKind, Word, refusal

MAX_ELEMENTS: Final = 20_000
BREAKS: Final = " \t\r\n;|&()<>"
_ASSIGNED: Final = re.compile(r"[A-Za-z_]\w*(?:\[\w*\])?\+?=")
_NAME: Final = re.compile(r"[A-Za-z_]\w*|[0-9@*#?$!-]")
_BRACED: Final = re.compile(
    r"(?P<length>#?)(?P<name>[A-Za-z_]\w*|[0-9]+|[@*#?$!-])(?P<index>\[[^\]]*\])?(?P<rest>.*)",
    re.DOTALL,
)
_DEFAULT: Final = re.compile(r"(:?[-+=?])(.*)", re.DOTALL)
_UNQUOTED: Final = re.compile(rf"[^\\'\"$`{BREAKS}]+")
_QUOTED: Final = re.compile(r"[^\\\"$`]+")


class Cursor:
    """A place in a text, with its line."""

    def __init__(self, source: str, text: str, line: int, depth: int = 0) -> None:
        self.source = source
        self.text = text
        self.line = line
        self.at = 0
        self.depth = depth
        if depth > MAX_DEPTH:
            raise refusal(source, line, f"at most {MAX_DEPTH} nested expansions", "more")

    def peek(self, length: int = 1) -> str:
        """The next characters; fewer at the end."""
        return self.text[self.at : self.at + length]

    def advance(self, length: int) -> str:
        """Pass over some characters."""
        passed = self.text[self.at : self.at + length]
        self.at += length
        self.line += passed.count("\n")
        return passed

    def skip_blanks(self, *, newlines: bool = False) -> bool:
        """Pass over blanks, comments and escaped line ends; False at the end of the text."""
        blanks = " \t\r\n" if newlines else " \t\r"
        while self.at < len(self.text):
            if self.text[self.at] in blanks:
                self.advance(1)
            elif self.peek(2) == "\\\n":
                self.advance(2)
            elif self.peek(3) == "\\\r\n":
                self.advance(3)
            elif self.peek() == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            else:
                return True
        return False

    def word(self) -> Word:
        """The word that begins here."""
        line = self.line
        parts = tuple(self._parts())
        word = Word(parts=parts, line=line)
        if self.peek() == "(" and _ASSIGNED.fullmatch(word.literal):
            self.advance(1)
            return Word(parts=parts, line=line, elements=tuple(self._elements(line)))
        return word

    def whole(self) -> tuple[Part, ...]:
        """All of the text as one word, as after ``${NAME:-``."""
        parts: list[Part] = []
        while self.at < len(self.text):
            parts += self._parts()
            if self.at < len(self.text):
                parts.append(_text(self.advance(1), quoted=False))
        return tuple(parts)

    def _elements(self, line: int) -> Iterator[Word]:
        """Words up to the closing parenthesis, over line ends and comments."""
        count = 0
        while self.skip_blanks(newlines=True) and self.peek() != ")":
            if self.peek() in BREAKS:
                self.advance(1)
                continue
            count += 1
            if count > MAX_ELEMENTS:
                raise refusal(self.source, line, f"at most {MAX_ELEMENTS} elements", "more")
            start = self.line
            yield Word(parts=tuple(self._parts()), line=start)
        if self.peek() != ")":
            raise refusal(self.source, line, "a ) that ends the array", "the end of the file")
        self.advance(1)

    def _parts(self) -> Iterator[Part]:
        """Parts up to an unquoted blank or operator."""
        while self.at < len(self.text) and (char := self.text[self.at]) not in BREAKS:
            if char == '"':
                yield from self._double_quoted()
            elif char == "'":
                yield self._until("'", 1, "a ' that ends the text")
            elif char == "\\":
                escaped = self.advance(2)[1:]
                if escaped != "\n":
                    yield _text(escaped, quoted=True)
            elif char in "$`":
                yield self._expansion(quoted=False)
            else:
                match = _UNQUOTED.match(self.text, self.at)
                assert match is not None
                yield _text(self.advance(len(match[0])), quoted=False)

    def _double_quoted(self) -> Iterator[Part]:
        line = self.line
        self.advance(1)
        yield _text("", quoted=True)
        while (char := self.peek()) and char != '"':
            if char == "\\":
                pair = self.advance(2)
                if pair != "\\\n":
                    yield _text(pair[1:] if pair[1:] in '"\\$`' else pair, quoted=True)
            elif char in "$`":
                yield self._expansion(quoted=True)
            else:
                match = _QUOTED.match(self.text, self.at)
                assert match is not None
                yield _text(self.advance(len(match[0])), quoted=True)
        if not char:
            raise refusal(self.source, line, 'a " that ends the text', "the end of the file")
        self.advance(1)

    def _until(self, end: str, skip: int, expected: str) -> Part:
        """Text taken as it stands, up to a delimiter."""
        line = self.line
        stop = self.text.find(end, self.at + skip)
        if stop < 0:
            raise refusal(self.source, line, expected, "the end of the file")
        passed = self.advance(stop + len(end) - self.at)
        return _text(passed[skip : -len(end)], quoted=True)

    def _expansion(self, *, quoted: bool) -> Part:
        """What a dollar sign or a backquote stands for."""
        if self.peek(2) == "${":
            return self._braced(self._balanced(2, "{", "}"), quoted=quoted)
        if self.peek(2) == "$(":
            return self._parenthesised(quoted=quoted)
        if self.peek() == "`":
            inside = self._until("`", 1, "a ` that ends the command").text
            return Part(kind=PartKind.UNKNOWN, text=f"$({inside})", quoted=quoted)
        if self.peek(2) == "$'" and not quoted:
            return self._until("'", 2, "a ' that ends the text")
        return self._named(quoted=quoted)

    def _named(self, *, quoted: bool) -> Part:
        """``$NAME``, or a dollar sign that stands for itself."""
        match = _NAME.match(self.text, self.at + 1)
        self.advance(1 + (len(match[0]) if match else 0))
        if match is None:
            return _text("$", quoted=quoted)
        kind = PartKind.ARRAY if match[0] in "@*" else PartKind.PARAMETER
        return Part(kind=kind, text=match[0], quoted=quoted)

    def _parenthesised(self, *, quoted: bool) -> Part:
        """``$((expression))``, or the output of ``$(command)``."""
        inside = self._balanced(2, "(", ")")
        if inside.startswith("(") and inside.endswith(")"):
            return Part(kind=PartKind.ARITHMETIC, text=inside[1:-1], quoted=quoted)
        return Part(kind=PartKind.UNKNOWN, text=f"$({inside})", quoted=quoted)

    def _balanced(self, skip: int, opening: str, closing: str) -> str:
        """What stands between a bracket and its partner, quoted brackets not counted."""
        line = self.line
        self.advance(skip)
        start, depth = self.at, 1
        while depth and self.at < len(self.text):
            char = self.text[self.at]
            if char == "\\":
                self.advance(1)
            elif char in "'\"":
                end = self.text.find(char, self.at + 1)
                self.advance(max(end - self.at, 0))
            depth += (char == opening) - (char == closing)
            self.advance(1)
        if depth:
            raise refusal(self.source, line, f"a {closing} that ends it", "the end of the file")
        return self.text[start : self.at - 1]

    def _braced(self, inside: str, *, quoted: bool) -> Part:
        """``${NAME}``, ``${NAME[@]}``, ``${#NAME[@]}`` or ``${NAME:-word}``; others are unknown."""
        match = _BRACED.fullmatch(inside)
        unknown = Part(kind=PartKind.UNKNOWN, text=f"${{{inside}}}", quoted=quoted)
        if match is None:
            return unknown
        name, index, rest = match["name"], match["index"] or "", match["rest"]
        whole = index in {"[@]", "[*]"} or (name in "@*" and not index)
        if match["length"]:
            known = whole and not rest
            return Part(kind=PartKind.LENGTH, text=name, quoted=quoted) if known else unknown
        if not rest and whole:
            return Part(kind=PartKind.ARRAY, text=name, quoted=quoted, operator=index[1:2])
        if index and index != "[0]":
            return unknown
        default = _DEFAULT.fullmatch(rest)
        if rest and default is None:
            return unknown
        parts: tuple[Part, ...] = ()
        if default is not None:
            parts = Cursor(self.source, default[2], self.line, self.depth + 1).whole()
        operator = default[1] if default else ""
        return Part(
            kind=PartKind.PARAMETER, text=name, quoted=quoted, operator=operator, default=parts
        )


def _text(text: str, *, quoted: bool) -> Part:
    return Part(kind=PartKind.TEXT, text=text, quoted=quoted)
