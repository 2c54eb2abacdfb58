"""Samples of other people's files, damaged ones, and fabrics of any size in the form ``ibnetdiscover`` and ``kubectl`` print them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

DATA = Path(__file__).parent / "data" / "importers"
CLUSTERS = DATA / "clusters"
JOBS = DATA / "jobs"


def superpod_lines(
    num_units: int, hosts_per_unit: int, rails: int = 4, num_spines: int = 2, uplinks: int = 0
) -> Iterator[str]:
    """A rail-optimised fabric: each unit has a leaf per rail, each leaf reaches every spine.

    A leaf has ``uplinks`` cables in all (as many as hosts when 0), spread over the spines.
    """
    uplinks = uplinks or hosts_per_unit
    yield "#\n# Topology file: generated on Wed Aug  6 16:11:23 2025\n#"
    spines = [f"S-5{spine:015x}" for spine in range(num_spines)]
    for unit in range(num_units):
        for rail in range(rails):
            leaf = f"S-1{unit * rails + rail:015x}"
            name = f"MF0;A{unit:02}-P1-IBLEAF-{rail:02}:MQM9701/U1"
            yield f"\nvendid=0x2c9\ndevid=0xd2f2\nsysimgguid=0x{leaf[2:]}\nswitchguid=0x{leaf[2:]}"
            yield f'Switch\t65 "{leaf}"\t\t# "{name}" enhanced port 0 lid 73 lmc 0'
            for host in range(hosts_per_unit):
                guid = f"2{(unit * hosts_per_unit + host) * rails + rail:015x}"
                described = f"a{unit:02}-dgx-n{host:03} mlx5_{rail}"
                yield f'[{host + 1}]\t"H-{guid}"[1]({guid}) \t\t# "{described}" lid 647 4xNDR'
            for cable in range(uplinks):
                spine = cable % num_spines
                yield (
                    f'[{hosts_per_unit + cable + 1}]\t"{spines[spine]}"[{cable + 1}]\t\t'
                    f'# "MF0;A10-P1-IBSPINE-{spine:02}:MQM9701/U1" lid 236 4xNDR'
                )
            yield (
                f'[65]\t"H-9{unit * rails + rail:015x}"[1](9{unit * rails + rail:015x}) \t\t'
                '# "Mellanox Technologies Aggregation Node" lid 193 4xNDR'
            )
    for spine, guid in enumerate(spines):
        yield f'\nSwitch\t65 "{guid}"\t\t# "MF0;A10-P1-IBSPINE-{spine:02}:MQM9701/U1" enhanced port 0'
        for unit in range(num_units):
            for rail in range(rails):
                leaf = f"S-1{unit * rails + rail:015x}"
                name = f"MF0;A{unit:02}-P1-IBLEAF-{rail:02}:MQM9701/U1"
                for cable in range(spine, uplinks, len(spines)):
                    yield f'[{cable + 1}]\t"{leaf}"[{hosts_per_unit + cable + 1}]\t\t# "{name}" lid 73 4xNDR'
    yield from _adapter_blocks(num_units, hosts_per_unit, rails)


def _adapter_blocks(num_units: int, hosts_per_unit: int, rails: int) -> Iterator[str]:
    for unit in range(num_units):
        for host in range(hosts_per_unit):
            for rail in range(rails):
                guid = f"2{(unit * hosts_per_unit + host) * rails + rail:015x}"
                leaf = f"S-1{unit * rails + rail:015x}"
                yield f"\nvendid=0x2c9\ndevid=0x1021\nsysimgguid=0x{guid}\ncaguid=0x{guid}"
                yield f'Ca\t1 "H-{guid}"\t\t# "a{unit:02}-dgx-n{host:03} mlx5_{rail}"'
                yield f'[1]({guid}) \t"{leaf}"[{host + 1}]\t\t# lid 38 lmc 0 "MF0;LEAF" lid 119 4xNDR'


def kubernetes_nodes(num_hosts: int) -> str:
    """Nodes of racks of 18, two racks a leaf, as ``kubectl get nodes -o json`` prints them."""
    items = [
        {
            "metadata": {
                "name": f"gpu-{index:05d}",
                "labels": {
                    "kubernetes.io/hostname": f"gpu-{index:05d}",
                    "fabric.topograph.run/tier-0": f"leaf{index // 36}",
                    "fabric.topograph.run/tier-1": f"spine{index // 720}",
                    "nvidia.com/gpu.clique": f"7b968a6d-c8aa-45e1.{index // 18}",
                },
            },
            "spec": {},
            "status": {"capacity": {"nvidia.com/gpu": "4"}, "allocatable": {"nvidia.com/gpu": "4"}},
        }
        for index in range(num_hosts)
    ]
    return json.dumps({"apiVersion": "v1", "items": items, "kind": "List"}, indent=4)


def mutated(text: str, source: random.Random) -> str:
    """A text with one to four lines or characters dropped, doubled, swapped or replaced."""
    for _ in range(source.randint(1, 4)):
        lines = text.splitlines(keepends=True)
        if not lines:
            return text
        index = source.randrange(len(lines))
        kind = source.randrange(6)
        line = lines[index]
        at = source.randrange(len(line) + 1)
        if kind == 0:
            lines.pop(index)
        elif kind == 1:
            lines.insert(source.randrange(len(lines) + 1), line)
        elif kind == 2:
            other = source.randrange(len(lines))
            lines[index], lines[other] = lines[other], lines[index]
        elif kind == 3:
            lines[index] = (
                line[:at] + source.choice("[]{}(),=:\"'#-0 9aZ\n\t\\$;&*!|<>%@") + line[at:]
            )
        elif kind == 4:
            lines[index] = line[:at] + line[at + source.randint(1, 8) :]
        else:
            lines[index] = line.replace(source.choice("0123456789"), source.choice("0987,-[]x"))
        text = "".join(lines)
    return text
