"""Workload x topology x strategy x placement to an Estimate; pure and solver-free."""
