"""``placer verify``: what was emitted, judged by the framework itself."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from placer.cli.console import write
from placer.errors import InfeasibleError, InputError, Problem


def verify(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="What placer emit wrote.", show_default=False)
    ],
    *,
    python: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FRAMEWORK=PATH",
            help="Interpreter that has the framework; repeatable. Our own when not given.",
            show_default=False,
        ),
    ] = None,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else.")
    ] = False,
) -> None:
    """Ask the framework's own parser and group builder whether they do what the plan says."""
    from placer.verify.verifying import verify_folder

    verdict = verify_folder(folder, dict(_pair(text) for text in python or ()))
    if json_output:
        write(json.dumps({"schema": "placer.verify/v1", **asdict(verdict)}, indent=2))
    else:
        write(f"{verdict.framework} {verdict.release}, launched by {verdict.launcher}")
        for finding in verdict.findings:
            write(f"  {finding.check:<10} {finding.outcome:<12} {finding.detail}")
    if verdict.failed:
        raise InfeasibleError(
            f"{verdict.framework} {verdict.release} does not do what the plan says",
            binding=[f.detail for f in verdict.findings if f.outcome == "failed"],
            relaxation="Emit the plan again, and do not edit the files.",
        )


def _pair(text: str) -> tuple[str, str]:
    framework, equals, path = text.partition("=")
    if not equals or not path:
        problem = Problem(
            source="--python",
            expected="a framework and an interpreter, as in megatron=/opt/venv/bin/python",
            found=repr(text),
            remedy="Write FRAMEWORK=PATH.",
        )
        raise InputError((problem,))
    return framework, path
