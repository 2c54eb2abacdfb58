from __future__ import annotations

import pytest

from placer.spec.suggest import did_you_mean


@pytest.mark.parametrize(
    ("name", "known", "sentence"),
    [
        ("num_layer", ["mtp_layers", "num_layers"], "Did you mean num_layers?"),  # the best alone
        ("levelA", ["level1", "level2"], "Did you mean level1 or level2?"),  # equally good
        ("NUM_LAYERS", ["num_layers"], "Did you mean num_layers?"),
        ("zzz", ["a", "b"], "Known: a, b."),  # nothing like it
        ("zzz", [f"k{i}" for i in range(20)], "k11, ...."),  # a long list is cut
        ("zzz", [], ""),
    ],
)
def test_suggests_the_nearest(name: str, known: list[str], sentence: str) -> None:
    assert did_you_mean(name, known).endswith(sentence)


def test_a_very_long_name_costs_little() -> None:
    assert did_you_mean("x" * 10**6, ["name"] * 100) == "Known: name."
