"""Closed choices about links and fabrics, as files write them."""

from __future__ import annotations

from enum import StrEnum


class DomainShape(StrEnum):
    """How the members of a scale-up level are wired."""

    SWITCHED = "switched"
    POINT_TO_POINT = "point_to_point"
    MESH = "mesh"
    TORUS = "torus"


class Routing(StrEnum):
    """How a fabric spreads flows over parallel links.

    ``adaptive``: per packet, or one switch only; ``qp_split``: each flow cut into several hashed
    ones; ``hashed``: plain equal-cost multipath.
    """

    ADAPTIVE = "adaptive"
    QP_SPLIT = "qp_split"
    HASHED = "hashed"


class ScaleUpLink(StrEnum):
    """Families of scale-up links; each has its constants in the cost model."""

    NVLINK3 = "nvlink3"
    NVLINK4 = "nvlink4"
    NVLINK5 = "nvlink5"
    XGMI = "xgmi"
    UB = "ub"
    ICI = "ici"
    NEURONLINK = "neuronlink"
    GAUDI = "gaudi"


class ScaleOutLink(StrEnum):
    """Families of scale-out networks; each has its constants in the cost model."""

    INFINIBAND = "infiniband"
    ROCE = "roce"
    EFA = "efa"


DCI_LINK = "dci"
"""Key of the cost constants for links between sites."""
