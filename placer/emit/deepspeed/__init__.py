"""DeepSpeed: what it forbids, its JSON file, and the pipeline it is told in Python."""
