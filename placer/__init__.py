"""Places the training of a language model on a cluster: degrees, positions, step time, proof."""
