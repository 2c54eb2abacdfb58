"""The cluster as levels and domains; what fits where, and the bandwidth between two places."""
