"""Scripts followed without running them: what words come to, what is left out."""

from __future__ import annotations

from contextlib import suppress

import pytest

from placer.errors import InputError
from placer.importers.shell import Script, read_script
from placer.importers.shell.arithmetic import UnknownValue, evaluate
from placer.spec.source_text import SourceText


def script(text: str) -> Script:
    return read_script(SourceText(name="x.sh", sha256="", text=text))


def last(text: str) -> list[str]:
    """Words of the last command."""
    return [field.text for field in script(text).commands[-1].fields]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("run a  b # c", ["run", "a", "b"]),
        ("run a\\\n  b", ["run", "a", "b"]),
        ("run 'a b' \"c  d\" e\\ f", ["run", "a b", "c  d", "e f"]),
        ('X=1\nrun $X "${X}2" x$X', ["run", "1", "12", "x1"]),
        ('X="a  b"\nrun $X "$X"', ["run", "a", "b", "a  b"]),
        ("X=\nrun $X end", ["run", "end"]),
        ("A=(1 '2 3' # four\n 4)\nrun ${A[@]}", ["run", "1", "2", "3", "4"]),
        ("A=(1 '2 3')\nrun \"${A[@]}\"", ["run", "1", "2 3"]),
        ("A=(1 '2 3')\nrun \"${A[*]}\" ${#A[@]} $A", ["run", "1 2 3", "2", "1"]),
        ('A=(1)\nA+=(2 3)\nA=("${A[@]}" 4)\nrun ${A[@]}', ["run", "1", "2", "3", "4"]),
        ("X=a\nX+=b\nrun $X", ["run", "ab"]),
        ("run ${X:-d} ${X-e} ${X:=f} $X ${X:+g}", ["run", "d", "e", "f", "f", "g"]),
        ("X=\nrun ${X:-d} ${X-e}x", ["run", "d", "x"]),
        ("run ${X:-${Y:-z}}", ["run", "z"]),
        ("N=4\nrun $((N*8+2)) $(( ($N - 1) / 2 ))", ["run", "34", "1"]),
        ("export A=1 B=2\nreadonly C=3\nrun $A$B$C", ["run", "123"]),
        ("A=1 B=2 run $A", ["run", "1"]),
        ("run x 2>&1 > log 2> err < in", ["run", "x"]),
        ("run a | tee log", ["tee", "log"]),
        ("f() { X=$1; }\nX=1\nf 2\nrun x", ["run", "x"]),
        ("function f {\n run inside\n}\nf", ["run", "inside"]),
        ("if [ 1 == 1 ]; then X=a; else X=b; fi\nrun $X", ["run", "a"]),
        ("M=b\nif [[ $M == a ]]; then X=1\nelif [[ $M == b* && 1 -lt 2 ]]; then X=2\nfi\nrun $X", ["run", "2"]),
        ('if ! [ -z "$UNSET" ]; then X=1; else X=2; fi\nrun $X', ["run", "2"]),
        ('[ -z "$TP" ] && TP=4\nrun $TP', ["run", "4"]),
        ("[ 1 -gt 2 ] || X=3\nrun $X", ["run", "3"]),
        ("cd /tmp && X=5\nrun $X", ["run", "5"]),
        ("case 7B in 70B) X=1;; 7B|8B) X=2;; esac\nrun $X", ["run", "2"]),
        ("for i in 1 2; do Y=$i; done\nrun $Y", ["run", "${i}"]),
        ("X=1\nunset X\nrun $X", ["run", "${X}"]),
        ("run <(sort a) b", ["run", "b"]),
        ("bash <<EOF\nrun $A x\nEOF", ["run", "${A}", "x"]),
        ("bash <<'EOF'\nA=1\nrun $A\nEOF\n", ["run", "1"]),
        ("time exec run a", ["run", "a"]),
        ("run $'a' \"\\$HOME\" '$HOME'", ["run", "a", "$HOME", "$HOME"]),
    ],
)  # fmt: skip
def test_words(text: str, words: list[str]) -> None:
    assert last(text) == words


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("run $1", "${1}"),
        ("run $(nvidia-smi -L | wc -l)", "$(nvidia-smi␣-L␣|␣wc␣-l)"),
        ("run `hostname -s`", "$(hostname␣-s)"),
        ("run ${NODES%%,*}", "${NODES%%,*}"),
        ("run $((NODES * 8))", "$((NODES␣*␣8))"),
        ("run x$NODES", "${NODES}"),
        ('X="--a $NODES"\nrun $X', "${NODES}"),
    ],
)
def test_what_only_running_would_tell_is_marked(text: str, missing: str) -> None:
    field = script(text).commands[-1].fields[-1]
    assert not field.is_known
    assert missing in field.text


def test_words_know_the_line_they_stand_on() -> None:
    text = "A=(\n  --x 1\n  --y 2\n)\nZ=3\nrun ${A[@]} \\\n $Z\n"
    assert [(f.text, f.line) for f in script(text).commands[-1].fields] == [
        ("run", 6),
        ("--x", 2),
        ("1", 2),
        ("--y", 3),
        ("2", 3),
        ("3", 5),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "if [ -f x ]; then A=1; else A=2; fi",
        "case $1 in a) A=1;; esac",
        "while read x; do A=$x; done",
        "source env.sh",
    ],
)
def test_what_is_left_out_is_noted(text: str) -> None:
    done = script(f"{text}\nrun x")
    assert len(done.notes) == 1
    assert done.notes[0].startswith("line 1: ")
    assert "A" not in done.variables


def test_a_branch_that_sets_nothing_is_no_news() -> None:
    assert script("if [ ! -f x ]; then echo no; exit 1; fi").notes == ()


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("run\nrun 'a", 2, "a ' that ends the text"),
        ('run "a\n\n', 1, 'a " that ends the text'),
        ("A=(1\n2\n", 1, "a ) that ends the array"),
        ("run ${A\n", 1, "a } that ends it"),
        ("run $(a (b)\n", 1, "a ) that ends it"),
        ("run `a\n", 1, "a ` that ends the command"),
        ("{ " * 60, 1, "at most 32 nested blocks"),
        ("! " * 60, 1, "at most 32 nested blocks"),
        ("run " + "${A:-" * 40 + "}" * 40, 1, "at most 32 nested expansions"),
        ("A=" + "x" * 4000 + "\n" + "A=$A$A\n" * 30, 10, "at most 4194304 characters expanded"),
        ("a;" * 30_000, 1, "at most 20000 commands"),
    ],
)
def test_scripts_that_cannot_be_read(text: str, line: int, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        script(text)
    (problem,) = caught.value.problems
    assert (problem.line, problem.expected) == (line, expected)


@pytest.mark.parametrize(
    "text",
    [
        "fi done esac ) } ;;",
        "if",
        "for",
        "case",
        "case x in",
        "function",
        "f()",
        "&& ||",
        "<<",
        "<<EOF",
        "[[ a",
        "if then else elif fi",
        "a=(",
        "((i++))",
        "for ((i=0;i<3;i++)); do run $i; done",
        "x[1]=2",
        "f() { f; }; f",
        "cat <<A <<B\n1\nA\n2\nB\n",
        "\\",
        "$",
        "run ${}",
        "run ${!x} $!",
    ],
)
def test_odd_scripts_do_no_harm(text: str) -> None:
    with suppress(InputError):
        script(text)


@pytest.mark.parametrize(
    "text", ["1/0", "2**3", "x", "1 +", "(1", "08", "1 2", "9" * 18 + "*99", ""]
)
def test_arithmetic_nobody_can_do(text: str) -> None:
    def value_of(name: str) -> str:
        raise UnknownValue

    with pytest.raises(UnknownValue):
        evaluate(text, value_of)


def test_nothing_is_executed(tmp_path_factory: pytest.TempPathFactory) -> None:
    target = tmp_path_factory.mktemp("run") / "made"
    script(
        f"touch {target}\nX=$(touch {target})\n: ${{Y:=`touch {target}`}}\neval 'touch {target}'"
    )
    assert not target.exists()


def test_a_long_script_is_read() -> None:
    text = "A=(\n" + "  --flag 1\n" * 9_000 + ")\n" + "B=$((1+2))\n" * 5_000 + "run ${A[@]}\n"
    assert len(script(text).commands[-1].fields) == 18_001
