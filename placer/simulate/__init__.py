"""Event simulation of a plan, independent of the closed forms of the cost model."""
