"""Text stands out from the paper, in light, dark and print."""

from __future__ import annotations

import re

import pytest

from placer.report.svg.figure import THEME
from placer.report.svg.ramp import contrast

BLOCKS = re.findall(r":root\{(.*?)\}", THEME)


def colours(block: str) -> dict[str, str]:
    """The variables of one theme, written in full."""
    found = dict(re.findall(r"--(\w+):#(\w+)", block))
    return {
        name: "#" + (value if len(value) == 6 else "".join(2 * digit for digit in value))
        for name, value in found.items()
    }


@pytest.mark.parametrize("block", BLOCKS, ids=["light", "dark", "print"])
def test_text_is_readable(block: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 for text of any size."""
    theme = colours(block)

    assert contrast(theme["ink"], theme["paper"]) >= 7.0
    assert contrast(theme["quiet"], theme["paper"]) >= 4.5
