from __future__ import annotations

import pytest

from placer.errors import InputError
from placer.search.options import SearchOptions, restrictions


def test_fix_and_forbid_become_values() -> None:
    chosen = restrictions(["tp=8", "recompute=full", "zero_stage=0"], ["cp"])
    assert chosen == {"tp": 8, "recompute": 2, "zero_stage": 0, "cp": 1}


def test_forbidding_recompute_means_none() -> None:
    assert restrictions([], ["recompute"]) == {"recompute": 0}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tpp=8", "one of tp, cp"),  # no such axis
        ("tp", "tp=N with N from 1"),  # no value
        ("tp=", "tp=N"),
        ("tp=0", "tp=N with N from 1"),
        ("tp=-8", "tp=N"),
        ("tp=8.0", "tp=N"),
        ("tp=٨", "tp=N"),  # a digit, but no ASCII one
        ("tp=99999999999999999999", "tp=N"),  # would not fit an int64 column
        ("zero_stage=4", "zero_stage=N with N from 0 to 3"),
        ("recompute=some", "recompute=none|selective|full"),
    ],
)
def test_bad_restriction_says_what_was_expected(text: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        restrictions([text], [])
    assert expected in str(caught.value)
    assert repr(text) in str(caught.value)


def test_all_bad_restrictions_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        restrictions(["tp=x", "cp=2"], ["nope"])
    assert len(caught.value.problems) == 2


def test_contradiction_is_an_error_and_repetition_is_not() -> None:
    assert restrictions(["tp=4", "tp=4"], []) == {"tp": 4}
    with pytest.raises(InputError, match="one value of tp, which is 4 already"):
        restrictions(["tp=4"], ["tp"])


@pytest.mark.parametrize(
    "changes",
    [
        {"gap": -0.1},
        {"gap": float("nan")},
        {"top": 0},
        {"time_limit_s": 0.0},
        {"deterministic_limit": 0.0},
        {"workers": 0},
        {"max_gpus": 0},
        {"min_gpu_share": 1.5},
    ],
)
def test_limits_out_of_range_are_told(changes: dict[str, float]) -> None:
    with pytest.raises(InputError, match="expected"):
        SearchOptions(**changes)  # type: ignore[arg-type]
