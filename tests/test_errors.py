from __future__ import annotations

import pytest

from placer.errors import (
    InfeasibleError,
    InputError,
    InternalError,
    PlacerError,
    Problem,
    TimeLimitError,
    shorten,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [(InputError, 2), (InfeasibleError, 3), (TimeLimitError, 4), (InternalError, 1)],
)
def test_exit_codes_are_those_people_script_against(error: type[PlacerError], code: int) -> None:
    assert error.exit_code == code
    assert issubclass(error, PlacerError)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (
            Problem(
                source="x.yaml",
                line=12,
                column=5,
                field="levels[1].bandwidth",
                expected="> 0",
                found="-50 GB/s",
                remedy="Write 400 Gbit/s.",
            ),
            "x.yaml:12:5: levels[1].bandwidth: expected > 0, got -50 GB/s. Write 400 Gbit/s.",
        ),
        (
            Problem(source="--tp", expected="a number", found="'x'"),
            "--tp: expected a number, got 'x'",
        ),
        (
            Problem(source="x", line=3, expected="text", found="a NUL"),
            "x:3: expected text, got a NUL",
        ),
    ],
)
def test_problem_reads_as_one_line(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_input_error_lists_every_problem() -> None:
    problems = [Problem(source=name, expected="a", found="b") for name in ("x", "y")]
    error = InputError(iter(problems))
    assert error.problems == tuple(problems)
    assert str(error).splitlines() == [str(problem) for problem in problems]


def test_infeasible_error_names_what_binds_and_what_helps() -> None:
    error = InfeasibleError(
        "no plan fits", binding=["memory: 812 GiB > 80 GiB"], relaxation="Use 64."
    )
    assert str(error) == "no plan fits\n  - memory: 812 GiB > 80 GiB\nUse 64."
    assert str(InfeasibleError("no")) == "no"


def test_shorten_keeps_a_message_on_a_line() -> None:
    assert shorten("x" * 80) == "x" * 80
    assert shorten("x" * 81) == "x" * 80 + "..."
