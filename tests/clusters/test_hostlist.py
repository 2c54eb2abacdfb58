"""Hostlists: what brackets stand for, and what they may not."""

import pytest

from placer.spec.hierarchy.hostlist import expand_names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n1", ["n1"]),
        ("n[1-3,7]", ["n1", "n2", "n3", "n7"]),
        ("n[08-10]", ["n08", "n09", "n10"]),
        ("r[1-2]-n[0,3]", ["r1-n0", "r1-n3", "r2-n0", "r2-n3"]),
        ("n[ 1 , 2 ].site", ["n1.site", "n2.site"]),
    ],
)
def test_expands(text: str, names: list[str]) -> None:
    assert list(expand_names(text)) == names


@pytest.mark.parametrize(
    "text",
    [
        "",
        "n[",
        "n]",
        "n[]",
        "n[a-b]",
        "n[3-1]",
        "n[1--2]",
        "n[0-999999][0-9]",
        "n" * 1001,
        "n[[1]]",
    ],
)
def test_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        expand_names(text)
