"""What placer ships, each kind with how a mutated file of it is used and checked."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Final

import yaml
from adversarial.targets import TARGETS, use_cluster, use_model
from adversarial.yaml_mutation import mutated_yaml

from placer import api
from placer.check.validator import check_plan
from placer.cost.constants import ConstantsError, parse_constants
from placer.errors import InfeasibleError, InputError
from placer.plan.plan import Plan
from placer.spec.catalogue import CatalogueKind, catalogue_folder

CALIBRATION_SEED: Final = TARGETS["calibration"].seeds()[0].decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """Files of one kind; ``weight`` is how often they are drawn."""

    suffix: str = ".yaml"
    texts: Callable[[], tuple[str, ...]]
    mutate: Callable[[str, random.Random], str] = mutated_yaml
    use: Callable[[Path], object]
    weight: int


def catalogue_texts(kind: CatalogueKind) -> tuple[str, ...]:
    """The files of one catalogue."""
    return tuple(p.read_text("utf-8") for p in sorted(catalogue_folder(kind).glob("*.yaml")))


def model_then_estimate(path: Path) -> None:
    """A model: read and counted, then costed on a small cluster."""
    use_model(path)
    checked(lambda: api.estimate(path, "lab-8x-h100", api.Configuration()))


def cluster_then_estimate(path: Path) -> None:
    """A cluster: read, built and shown, then used for a small model."""
    use_cluster(path)
    checked(lambda: api.estimate("llama-3.1-8b", path, api.Configuration(tp=2, pp=2, dp=4)))


def checked(estimate: Callable[[], Plan]) -> None:
    """An estimate that passes its check; a file in order may still not fit the question."""
    try:
        plan = estimate()
    except (InputError, InfeasibleError):
        return
    assert not check_plan(plan), check_plan(plan)
    assert plan.estimate.step_time_s > 0.0


def constants(path: Path) -> None:
    """The table of constants, which is no user's input: refusals name the entry."""
    try:
        table = parse_constants(path.read_text("utf-8"))
    except yaml.YAMLError as error:
        raise ConstantsError(f"constants: {error}") from error
    table.links, table.compute, table.memory  # noqa: B018 (read when they are first used)


def data_text(name: str) -> tuple[str, ...]:
    """A file of placer's own data."""
    return (resources.files("placer.data").joinpath(name).read_text("utf-8"),)


SHIPPED: Final[dict[str, Shipped]] = {
    "cluster": Shipped(
        texts=partial(catalogue_texts, CatalogueKind.CLUSTER), use=cluster_then_estimate, weight=5
    ),
    "model": Shipped(
        texts=partial(catalogue_texts, CatalogueKind.MODEL), use=model_then_estimate, weight=9
    ),
    "configuration": Shipped(
        texts=lambda: tuple(seed.decode() for seed in TARGETS["configuration"].seeds()),
        use=TARGETS["configuration"].use,
        weight=2,
    ),
    "calibration": Shipped(
        texts=lambda: (CALIBRATION_SEED,),
        use=TARGETS["calibration"].use,
        weight=1,
    ),
    "constants": Shipped(texts=partial(data_text, "constants.yaml"), use=constants, weight=1),
}


def outcome(name: str, text: str, folder: Path) -> str:
    """Accepted or refused; anything else is raised."""
    path = folder / f"input{SHIPPED[name].suffix}"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        SHIPPED[name].use(path)
    except InputError as error:
        check_told(error)
        return "refused"
    except InfeasibleError:
        return "infeasible"
    except ConstantsError:
        return "refused"
    return "accepted"


def check_told(error: InputError) -> None:
    """Every problem names its file or option, its place in it, and what was expected."""
    assert error.problems
    for problem in error.problems:
        assert problem.source, problem
        assert problem.field or problem.line or problem.source.startswith("--"), problem
        assert problem.expected, problem
