"""What a check found: one sentence, and whether it passed, failed or was not made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """A check that was not made is never a pass."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


class Check(StrEnum):
    """The questions of a verification."""

    PARSER = "parser"
    GROUPS = "groups"
    CROSSINGS = "crossings"
    FILES = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The answer to one question."""

    check: Check
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """All answers about one folder."""

    framework: str
    release: str
    launcher: str
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> bool:
        """Whether some check failed."""
        return any(finding.outcome is Outcome.FAILED for finding in self.findings)
