"""The placement of one strategy's cells as a CP-SAT model."""
