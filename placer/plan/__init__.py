"""The shared frozen types: Strategy, Placement, Estimate, Plan; JSON both ways."""
