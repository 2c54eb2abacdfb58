"""Tokens to commands and blocks, by recursive descent; what is unknown is passed over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from placer.importers.shell.lexer import REDIRECTIONS
from placer.importers.shell.syntax import (
    MAX_DEPTH,
    Branch,
    Case,
    Chain,
    Function,
    Group,
    Here,
    If,
    Loop,
    Node,
    Operator,
    Part,
    PartKind,
    Simple,
    Token,
    Word,
    refusal,
)

_SEPARATORS: Final = frozenset({"\n", ";", "&", "|", "|&"})
_CASE_ENDS: Final = frozenset({";;", ";&", ";;&"})
_PREFIXES: Final = frozenset({"time", "exec", "nohup", "command", "builtin"})


class Parser:
    """Walks over the tokens of one script."""

    def __init__(self, source: str, tokens: Iterable[Token]) -> None:
        self._source = source
        self._tokens = list(tokens)
        self._at = 0
        self._depth = 0

    def script(self) -> tuple[Node, ...]:
        """All of it; a stray ``fi`` or ``)`` is passed over."""
        nodes: list[Node] = []
        while self._at < len(self._tokens):
            nodes += self._block(frozenset())
            self._at += 1
        return tuple(nodes)

    def _block(self, ends: frozenset[str]) -> list[Node]:
        """Commands up to one of the words or operators in ``ends``, which is left to be read."""
        nodes: list[Node] = []
        while (token := self._peek()) is not None and self._text(token) not in ends:
            if isinstance(token, Operator) and token.text in _SEPARATORS:
                self._at += 1
            elif isinstance(token, Here):
                nodes.append(token)
                self._at += 1
            elif isinstance(token, Operator) and token.text in {")", *_CASE_ENDS}:
                break
            else:
                start = self._at
                nodes.append(self._chain())
                self._at += self._at == start
        return nodes

    def _chain(self) -> Node:
        line = self._line
        terms: list[tuple[str, Node]] = [("", self._command())]
        while self._text(self._peek()) in {"&&", "||"}:
            operator = self._text(self._peek())
            self._at += 1
            while self._text(self._peek()) == "\n":
                self._at += 1
            terms.append((operator, self._command()))
        return terms[0][1] if len(terms) == 1 else Chain(terms=tuple(terms), line=line)

    def _command(self) -> Node:
        """One command or block."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise refusal(self._source, self._line, f"at most {MAX_DEPTH} nested blocks", "more")
        node = self._command_inside()
        self._depth -= 1
        return node

    def _command_inside(self) -> Node:
        line, word = self._line, self._text(self._peek())
        blocks: dict[str, Callable[[int], Node]] = {
            "if": self._if,
            "for": self._for,
            "select": self._for,
            "while": self._while,
            "until": self._while,
            "case": self._case,
            "function": self._function,
        }
        if word in blocks:
            self._at += word != "if"
            return blocks[word](line)
        if word in {"!", "{", "("}:
            self._at += 1
            body = (self._command(),) if word == "!" else self._until("}" if word == "{" else ")")
            return Group(body=body, line=line, negated=word == "!")
        following = self._tokens[self._at + 1 : self._at + 3]
        if [self._text(token) for token in following] == ["(", ")"] and word:
            return self._function(line)
        return self._simple()

    def _while(self, line: int) -> Loop:
        self._block(frozenset({"do"}))
        return Loop(variable="", body=self._loop_body(), line=line)

    def _if(self, line: int) -> If:
        branches: list[Branch] = []
        while self._text(self._peek()) in {"if", "elif"}:
            self._at += 1
            condition = self._block(frozenset({"then", "fi"}))
            self._accept("then")
            body = self._block(frozenset({"elif", "else", "fi"}))
            branches.append(Branch(condition=tuple(condition), body=tuple(body)))
        if self._accept("else"):
            branches.append(Branch(condition=(), body=tuple(self._block(frozenset({"fi"})))))
        self._accept("fi")
        return If(branches=tuple(branches), line=line)

    def _for(self, line: int) -> Loop:
        variable = self._text(self._peek())
        while self._peek() is not None and self._text(self._peek()) != "do":
            self._at += 1
        return Loop(variable=variable, body=self._loop_body(), line=line)

    def _loop_body(self) -> tuple[Node, ...]:
        self._accept("do")
        return self._until("done")

    def _case(self, line: int) -> Node:
        subject = self._peek()
        self._at += 1
        if not isinstance(subject, Word):
            return Group(body=(), line=line)
        self._skip_newlines()
        self._accept("in")
        branches: list[tuple[tuple[Word, ...], tuple[Node, ...]]] = []
        self._skip_newlines()
        while self._peek() is not None and self._text(self._peek()) != "esac":
            patterns = self._patterns()
            body = self._block(frozenset({*_CASE_ENDS, "esac"}))
            branches.append((patterns, tuple(body)))
            if self._text(self._peek()) in {*_CASE_ENDS, ")"}:
                self._at += 1
            self._skip_newlines()
        self._accept("esac")
        return Case(subject=subject, branches=tuple(branches), line=line)

    def _patterns(self) -> tuple[Word, ...]:
        """Words up to the parenthesis that ends the patterns of a branch."""
        self._accept("(")
        words: list[Word] = []
        while (token := self._peek()) is not None and self._text(token) not in {")", "esac"}:
            if isinstance(token, Word):
                words.append(token)
            self._at += 1
        self._accept(")")
        return tuple(words)

    def _function(self, line: int) -> Node:
        name = self._text(self._peek())
        self._at += 1
        if self._accept("("):
            self._accept(")")
        self._skip_newlines()
        body = self._command() if self._peek() is not None else Group(body=(), line=line)
        return Function(name=name, body=(body,), line=line)

    def _simple(self) -> Simple:
        """Words up to the end of the command; what a redirection names is left out."""
        line = self._line
        words: list[Word] = []
        testing = self._text(self._peek()) == "[["
        while (token := self._peek()) is not None:
            if isinstance(token, Word):
                if words or token.literal not in _PREFIXES:
                    words.append(token)
                testing = testing and token.literal != "]]"
            elif isinstance(token, Operator) and testing and token.text != "\n":
                words.append(_plain(token))
            elif isinstance(token, Operator) and token.text in REDIRECTIONS:
                self._skip_target()
            else:
                break
            self._at += 1
        return Simple(words=tuple(words), line=line)

    def _skip_target(self) -> None:
        """Pass over the operator of a redirection, up to its target."""
        following = self._tokens[self._at + 1 : self._at + 2]
        if following and self._text(following[0]) == "(":
            self._at += 2
            self._until(")")
            self._at -= 1
        elif following and isinstance(following[0], Word):
            self._at += 1

    def _until(self, end: str) -> tuple[Node, ...]:
        """Commands up to a closing word, which is passed over."""
        nodes: list[Node] = []
        while self._peek() is not None:
            nodes += self._block(frozenset({end}))
            if self._peek() is None or self._accept(end):
                break
            self._at += 1
        return tuple(nodes)

    def _skip_newlines(self) -> None:
        while isinstance(token := self._peek(), Here) or self._text(token) in {"\n", ";"}:
            self._at += 1

    def _accept(self, text: str) -> bool:
        found = self._text(self._peek()) == text
        self._at += found
        return found

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    @property
    def _line(self) -> int:
        token = self._peek()
        return token.line if token is not None else 0

    def _text(self, token: Token | None) -> str:
        """What a token says where it is plain."""
        if isinstance(token, Word):
            return token.literal
        return token.text if isinstance(token, Operator) else ""


def _plain(operator: Operator) -> Word:
    part = Part(kind=PartKind.TEXT, text=operator.text, quoted=False)
    return Word(parts=(part,), line=operator.line)
