"""Places the training of a language model on a cluster: degrees, positions, step time, proof.

``import placer`` is quick; what it offers is imported from ``placer.api`` at first use.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from placer.api import (  # noqa: TC004 (imported at first use, below)
        ClusterFormat,
        ClusterOptions,
        Configuration,
        RankBy,
        RunOptions,
        SearchOptions,
        Variation,
        compare,
        estimate,
        explain,
        grade,
        import_cluster,
        load_plan,
        parse_axes,
        plan,
        read_job,
        report,
        save_plan,
        simulate,
        sweep,
    )

__version__ = "0.1.0"

__all__ = [
    "ClusterFormat",
    "ClusterOptions",
    "Configuration",
    "RankBy",
    "RunOptions",
    "SearchOptions",
    "Variation",
    "compare",
    "estimate",
    "explain",
    "grade",
    "import_cluster",
    "load_plan",
    "parse_axes",
    "plan",
    "read_job",
    "report",
    "save_plan",
    "simulate",
    "sweep",
]


class _PublicApi(ModuleType):
    """The package as a module whose functions win over subpackages of the same name.

    ``placer.plan(...)`` is the function although ``placer.plan`` is a package too: importing a
    subpackage sets an attribute on its parent, which is ignored here for public names.
    ``from placer.plan.strategy import Strategy`` works as ever.
    """

    def __getattr__(self, name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'placer' has no attribute {name!r}")
        from placer import api

        return getattr(api, name)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in __all__ or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _PublicApi
