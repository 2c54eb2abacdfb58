"""Descriptions of clusters that schedulers and fabric tools keep, as cluster files of placer."""

from placer.importers.clusters.importing import import_cluster
from placer.importers.clusters.options import ClusterFormat, ClusterOptions

__all__ = ["ClusterFormat", "ClusterOptions", "import_cluster"]
