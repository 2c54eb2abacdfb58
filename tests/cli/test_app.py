from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer
from syrupy.assertion import SnapshotAssertion

from placer import __version__
from placer.cli import app as app_module
from placer.errors import (
    InfeasibleError,
    InputError,
    InternalError,
    PlacerError,
    Problem,
    TimeLimitError,
)

HEAVY = {"jinja2", "networkx", "numpy", "ortools", "pandas", "pydantic", "rich", "yaml"}


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Exit code of the command line."""
    monkeypatch.setattr(sys, "argv", ["placer", *arguments])
    with pytest.raises(SystemExit) as caught:
        app_module.main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


def run_raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    """Exit code when a command fails."""

    def fail() -> None:
        raise error

    broken = typer.Typer(pretty_exceptions_enable=False)
    broken.command()(fail)
    monkeypatch.setattr(app_module, "app", broken)
    return run(monkeypatch)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (
            InputError([Problem(source="x.yaml", line=3, expected="a", found="b")]),
            2,
            "x.yaml:3: expected a, got b",  # bare, for editors that jump to file:line
        ),
        (
            InfeasibleError("no plan fits", binding=["memory"], relaxation="Use 64."),
            3,
            "error: no plan fits\n  - memory\nUse 64.",
        ),
        (TimeLimitError("no plan within 1 s"), 4, "error: no plan within 1 s"),
        (InternalError("the check failed"), 1, "a defect in placer"),
        (PlacerError("x"), 1, "error: x"),
        (RuntimeError("boom\nsecond line"), 1, "(RuntimeError: boom)"),
        (RecursionError(), 1, "(RecursionError: )"),
    ],
)
def test_errors_become_text_and_exit_codes(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    text: str,
) -> None:
    assert run_raising(monkeypatch, error) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert text in err
    assert "Traceback" not in err


def test_a_traceback_is_for_who_asks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLACER_DEBUG", "1")
    assert run_raising(monkeypatch, RuntimeError("boom")) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_ends_as_the_shell_expects(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_raising(monkeypatch, KeyboardInterrupt()) == 130


@pytest.mark.parametrize(
    "arguments",
    [
        ("shew",),  # no such command
        ("show", "--jsno"),  # no such option
        ("show", "a", "b"),  # one argument too many
        ("schema",),  # one too few
        ("schema", "planet"),  # not a choice
    ],
)
def test_wrong_usage_exits_2_and_says_how(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
) -> None:
    assert run(monkeypatch, *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Usage: placer" in err


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"placer {__version__}\n"


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, placer.cli.app; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not HEAVY & set(modules)


def test_a_reader_that_leaves_is_no_defect() -> None:
    command = f"{sys.executable} -m placer schema model | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout == "{\n"
    assert done.stderr == ""
    assert done.returncode in {0, 141}  # 0 where all fitted into the pipe


def test_characters_the_terminal_lacks_are_replaced() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "placer", "show", "n\u00e4me.yaml"],
        env={"PYTHONIOENCODING": "ascii", "NO_COLOR": "1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"n?me.yaml: expected a file" in done.stderr


def walk(prefix: str, command: object) -> Iterator[str]:
    """Every command, argument and option, as people type them."""
    for parameter in getattr(command, "params", []):
        names = parameter.opts + parameter.secondary_opts
        shown = "|".join(names) if parameter.param_type_name == "option" else parameter.name
        yield f"{prefix} {shown}"
    for name, child in getattr(command, "commands", {}).items():
        yield from walk(f"{prefix} {name}", child)


def test_the_surface_is_what_people_script_against(snapshot: SnapshotAssertion) -> None:
    """No option without a user story.

    An addition belongs into the changelog; ``pytest tests/cli --snapshot-update`` takes it in.
    """
    command = typer.main.get_command(app_module.app)
    assert sorted(line for line in walk("placer", command) if "completion" not in line) == snapshot
