"""``emitted.json``: for whom a folder was written, so that its files can be read again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from placer.emit.target import EnvironmentVariable

MANIFEST_FILE: Final = "emitted.json"
PLAN_FILE: Final = "plan.json"
_SCHEMA: Final = "placer.emitted/v1"
_Name = Annotated[str, Field(max_length=100)]


class Manifest(BaseModel):
    """Framework, its release, the launcher, and the environment the launcher sets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Annotated[Literal["placer.emitted/v1"], Field(alias="schema")] = _SCHEMA
    framework: _Name
    release: _Name
    launcher: _Name
    environment: dict[_Name, _Name] = {}


def manifest_json(
    framework: str, release: str, launcher: str, environment: tuple[EnvironmentVariable, ...]
) -> str:
    """The file, with sorted keys."""
    document = {
        "schema": _SCHEMA,
        "framework": framework,
        "release": release,
        "launcher": launcher,
        "environment": {variable.name: variable.value for variable in environment},
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"
