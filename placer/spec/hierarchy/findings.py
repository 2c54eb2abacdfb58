"""What is wrong inside a valid-looking file, collected so that all of it is reported at once."""

from __future__ import annotations

from dataclasses import dataclass

Path = tuple[str | int, ...]
MAX_FINDINGS = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """One contradiction: the field's path, what was expected, what was found, what to do."""

    path: Path
    expected: str
    found: str
    remedy: str

    @property
    def message(self) -> str:
        """One sentence, and the remedy."""
        return f"expected {self.expected}, found {self.found}. {self.remedy}".rstrip()


class Findings:
    """The list being filled: one finding per place, at most a hundred."""

    def __init__(self) -> None:
        self.items: list[Finding] = []

    def add(self, path: Path, expected: str, found: str, remedy: str) -> None:
        """Report one contradiction."""
        known = any(item.path == path for item in self.items)
        if not known and len(self.items) < MAX_FINDINGS:
            self.items.append(Finding(path, expected, found, remedy))
