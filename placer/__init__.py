"""Places the training of a language model on a cluster: degrees, positions, step time, proof."""

__version__ = "0.1.0"
