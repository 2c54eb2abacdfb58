"""Shell text to words, operators and here-documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from placer.importers.shell.cursor import Cursor
from placer.importers.shell.syntax import Here, Operator, Token, refusal

MAX_TOKENS: Final = 100_000
REDIRECTIONS: Final = frozenset(["<", ">", ">>", "<<", "<<-", "<<<", "<&", ">&", "&>", "&>>", ">|"])
_OPERATOR: Final = re.compile(
    r"\d*(?P<redirection><<<|<<-?|&>>?|>>|>\||[<>]&|[<>])|;;&?|;&|\|\||\|&|&&|[;|&()\n]"
)


def tokens(source: str, text: str, first_line: int = 1) -> Iterator[Token]:
    """All tokens of a script; a here-document follows the line that asks for it.

    Raises
    ------
    InputError
        For quotes or brackets that do not end, and for more than 100,000 words.
    """
    cursor = Cursor(source, text, first_line)
    waiting: list[tuple[str, bool]] = []
    count = 0
    while cursor.skip_blanks():
        count += 1
        if count > MAX_TOKENS:
            raise refusal(source, cursor.line, f"at most {MAX_TOKENS} words", "more")
        match = _OPERATOR.match(cursor.text, cursor.at)
        if match is None:
            yield cursor.word()
            continue
        line = cursor.line
        cursor.advance(len(match[0]))
        operator = match["redirection"] or match[0]
        yield Operator(text=operator, line=line)
        if operator in {"<<", "<<-"}:
            waiting.append(_delimiter(cursor, indented=operator == "<<-"))
        if operator == "\n":
            for delimiter, indented in waiting:
                yield _here(cursor, delimiter, indented=indented)
            waiting.clear()


def _delimiter(cursor: Cursor, *, indented: bool) -> tuple[str, bool]:
    """The word that ends a here-document; the word itself is left to be read."""
    rest = cursor.text[cursor.at :].split(maxsplit=1)
    word = rest[0] if rest else ""
    return re.split(r"[;|&()<>]", word)[0].strip("'\"\\"), indented


def _here(cursor: Cursor, delimiter: str, *, indented: bool) -> Here:
    """The lines up to the delimiter, or to the end of the file."""
    line = cursor.line
    body: list[str] = []
    while cursor.at < len(cursor.text):
        end = cursor.text.find("\n", cursor.at)
        end = len(cursor.text) if end < 0 else end + 1
        raw = cursor.advance(end - cursor.at)
        own = raw.rstrip("\r\n")
        if (own.lstrip("\t") if indented else own) == delimiter:
            break
        body.append(raw)
    return Here(text="".join(body), line=line)
