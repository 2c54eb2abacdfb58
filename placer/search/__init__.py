"""Which plan: space, bounds, best-first search and the CP-SAT model; alone imports ortools."""
