"""The files that start one process per rank on a cluster."""
