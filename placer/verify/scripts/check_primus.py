"""Ask Megatron-LM, which Primus starts, about emitted overrides; Primus itself is no package."""

from __future__ import annotations

import argparse
import typing
from pathlib import Path
from typing import Any

import typing_extensions
from answering import Request, answer_all, judging
from check_megatron import all_groups, groups_of_rank, parsed_words


def check(request: Request) -> dict[str, Any]:
    """The overrides as Megatron-LM's arguments, then all that is asked of Megatron-LM."""
    with judging():
        args = parsed_words(request, _words(request))
        groups = all_groups(args)
        sampled = {rank: groups_of_rank(args, rank, request) for rank in request["sample"]}
    return {"groups": groups, "sampled": sampled}


def _words(request: Request) -> list[str]:
    """The command line that sets the same fields; a field no argument has is refused."""
    import yaml

    # New in Python 3.12; Megatron-LM imports it from 0.18.0 on.
    vars(typing).setdefault("override", typing_extensions.override)
    from megatron.training.arguments import add_megatron_arguments

    document = yaml.safe_load((Path(request["folder"]) / "primus.yaml").read_text())
    parser = add_megatron_arguments(argparse.ArgumentParser(allow_abbrev=False))
    actions: dict[str, list[Any]] = {}
    for action in parser._actions:  # noqa: SLF001 (argparse has no other list of what it knows)
        actions.setdefault(action.dest, []).append(action)
    words = []
    for name, value in document["modules"]["pre_trainer"]["overrides"].items():
        if name not in actions:
            raise ValueError(f"{name} is no field of Megatron-LM's")
        words += _argument(actions[name], name, value)
    return words


def _argument(actions: list[Any], name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        flags = [action for action in actions if action.const is value and action.nargs == 0]
        if not flags:
            raise ValueError(f"{name} cannot be {value}")
        return [flags[0].option_strings[0]]
    values = value if isinstance(value, list) else [value]
    return [actions[0].option_strings[0], *map(str, values)]


if __name__ == "__main__":
    answer_all(check)
