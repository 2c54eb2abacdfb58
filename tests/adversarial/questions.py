"""Random questions: clusters from their grammar, models of the catalogue, options of every kind."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Final

from placer import api
from placer.spec.catalogue import CatalogueKind, catalogue_names
from placer.spec.cluster import ClusterSpec

PARTS: Final = {
    "a100_80g_sxm": (8, "200 Gbit/s"),
    "h100_sxm": (8, "400 Gbit/s"),
    "h800_sxm": (8, "400 Gbit/s"),
    "h200_sxm": (8, "400 Gbit/s"),
    "b200_sxm": (8, "400 Gbit/s"),
    "mi300x": (8, "400 Gbit/s"),
    "gb200": (72, "400 Gbit/s"),
    "gb300": (72, "800 Gbit/s"),
}
"""Accelerators, the size of their domains, and usual network ports."""

LIGHT: Final = ("llama-3.1-8b", "llama-3.1-70b", "mixtral-8x7b", "qwen3-30b-a3b", "gpt-oss-120b")
SHIPPED_SHARE: Final = 0.2
BATCHES: Final = (1, 7, 16, 64, 96, 256, 512, 1024, 1000, 2048, 4096)
AXES: Final = ("tp", "cp", "ep", "pp", "vpp", "micro_batch_size")


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomQuestion:
    """What one call of ``placer.plan`` gets."""

    model: str
    cluster: str | ClusterSpec
    run: dict[str, Any]
    options: dict[str, Any]

    def __str__(self) -> str:
        named = isinstance(self.cluster, str)
        cluster = self.cluster if named else self.cluster.model_dump_json(exclude_defaults=True)  # type: ignore[union-attr]
        return f"{self.model} {cluster} {self.run} {self.options}"


def random_question(source: random.Random) -> RandomQuestion:
    """One question; some have no answer."""
    shipped = source.random() < SHIPPED_SHARE
    cluster = source.choice(catalogue_names(CatalogueKind.CLUSTER)) if shipped else None
    every = catalogue_names(CatalogueKind.MODEL)
    return RandomQuestion(
        model=source.choice(LIGHT if source.random() < 0.5 else every),
        cluster=cluster or random_cluster(source),
        run=_run(source),
        options=_options(source, large=shipped),
    )


def random_cluster(source: random.Random) -> ClusterSpec:
    """A cluster of one to three network levels, one or two sites, damaged or not."""
    part = source.choice(tuple(PARTS))
    domain, nic = PARTS[part]
    hosts_per_domain = max(1, domain // 4) if domain > 8 else 1
    leaf = source.choice((1, 2, 3, 4, 8, 12))
    pods = source.choice((1, 2, 3, 4, 5, 8))
    fields: dict[str, Any] = {"name": "random", "accelerator": part}
    levels: list[dict[str, Any]] = [
        {"name": "leaf", "size": f"{leaf} domains", "latency": "3 us"},
        {"name": "pod", "size": f"{source.choice((1, 2, 3, 4))} leaf", "latency": "4 us"},
        {"name": "core", "size": f"{pods} pod", "latency": "6 us"},
    ]
    levels = levels[: source.choice((1, 2, 3, 3))]
    for level in levels[:-1]:
        level["oversubscription"] = source.choice((1, 1, 1.5, 2, 4))
    fields["scale_out"] = {
        "link": source.choice(("infiniband", "roce")),
        "nic": nic,
        "rails": 1 if domain > 8 else source.choice((1, 8)),
        "routing": source.choice(("adaptive", "hashed")),
        "levels": levels,
    }
    if source.random() < 0.35:
        fields |= _outages(source, levels, hosts_per_domain)
    if len(levels) == 3 and source.random() < 0.15:
        fields |= _two_sites(source, levels)
    elif len(levels) == 3 and source.random() < 0.2:
        others = [name for name, (size, _) in PARTS.items() if size == domain]
        del levels[-1]["size"]
        fields["pods"] = [
            {"name": f"p{i}", "accelerator": source.choice(others)} for i in range(max(2, pods))
        ]
    return ClusterSpec.model_validate(fields)


def _outages(
    source: random.Random, levels: list[dict[str, Any]], hosts_per_domain: int
) -> dict[str, Any]:
    """Accelerators lost, hosts drained, spares."""
    fields: dict[str, Any] = {
        "unavailable": [{"share": source.choice(("3 %", "10 %")), "of": "hosts", "lose": "1 gpu"}]
    }
    if source.random() < 0.5:
        fields["drained"] = [{"share": "5 %", "of": "hosts"}]
    if source.random() < 0.3:
        fields["spares"] = "1 host"
    return fields


def _two_sites(source: random.Random, levels: list[dict[str, Any]]) -> dict[str, Any]:
    """The pods dealt out to two sites."""
    del levels[-1]["size"]
    link = {
        "between": ["east", "west"],
        "bandwidth": source.choice(("400 Gbit/s", "3200 Gbit/s", "12 Tbit/s")),
        "distance": source.choice(("2 km", "80 km", "2000 km")),
    }
    sizes = [source.choice((1, 2, 3)) for _ in range(2)]
    sites = [
        {"name": name, "size": f"{size} pod"}
        for name, size in zip(("east", "west"), sizes, strict=True)
    ]
    return {"sites": sites, "links": [link]}


def _run(source: random.Random) -> dict[str, Any]:
    run: dict[str, Any] = {
        "framework": source.choice(
            ("megatron", "megatron", "megatron", "any", "torchtitan", "deepspeed", "maxtext")
        ),
        "precision": source.choice((*("bf16",) * 8, "fp8", "fp8", "mxfp8", "nvfp4")),
    }
    if source.random() < 0.7:
        run["global_batch_size"] = source.choice(BATCHES)
    if source.random() < 0.6:
        run["seq_len"] = source.choice((1, 1000, 2048, 4096, 8192, 32768, 131072))
    return run


def _options(source: random.Random, *, large: bool) -> dict[str, Any]:
    options: dict[str, Any] = {
        "top": source.choice((1, 2, 3, 5)),
        "gap": source.choice((0.0, 0.005, 0.005, 0.02, 0.1)),
        "time_limit_s": source.choice((10.0, 20.0)),
        "seed": source.randrange(100),
    }
    if source.random() < (0.7 if large else 0.3):
        options["max_gpus"] = source.choice((1, 7, 8, 13, 24, 64, 97, 128, 250, 512, 1000, 1024))
    chance = source.random()
    fix = [f"{axis}={source.choice((1, 2, 3, 4, 8, 16))}" for axis in source.sample(AXES, 2)]
    forbid = source.sample(AXES, 1)
    if chance < 0.15:
        options["fix"] = api.restrictions(fix[: source.choice((1, 2))], ())
    elif chance < 0.3:
        options["fix"] = api.restrictions((), forbid)
    return options
