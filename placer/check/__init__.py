"""The solver-free validator: re-checks and re-costs any plan."""
