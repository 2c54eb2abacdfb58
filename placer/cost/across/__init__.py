"""What crosses between sites and what it costs: pure formulas, WAN routes, quality of training."""
