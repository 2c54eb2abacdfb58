"""``--feature name=value``."""

from __future__ import annotations

import pytest

from placer.api.features import parse_features
from placer.errors import InputError
from placer.spec.run import Features, MoeDispatcher


def test_flags_words_and_numbers() -> None:
    features = parse_features(
        ["tp_comm_overlap=on", "moe_dispatcher = deepep", "expert_imbalance=1.2", "dropout=no"]
    )
    assert features == Features(
        tp_comm_overlap=True, moe_dispatcher=MoeDispatcher.DEEPEP, expert_imbalance=1.2
    )


def test_nothing_stated_is_the_default() -> None:
    assert parse_features([]) == Features()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tp_overlap=on", "or tp_comm_overlap?"),  # near a known name
        ("ep_overlap", "expected NAME=VALUE"),  # no value
        ("ep_overlap=maybe", "expected on or off"),  # not a flag
        ("cuda_graph=some", "expected one of none, partial, full"),  # not a choice
        ("expert_imbalance=0.5", "greater than or equal to 1"),  # out of range
        ("expert_imbalance=nan", "--feature"),  # not a number
    ],
)
def test_what_is_not_understood_is_refused(text: str, expected: str) -> None:
    with pytest.raises(InputError) as error:
        parse_features([text])
    assert expected in str(error.value)


def test_all_problems_at_once() -> None:
    with pytest.raises(InputError) as error:
        parse_features(["x=1", "ep_overlap=maybe", "dropout=on", "dropout=off"])
    assert len(error.value.problems) == 3
