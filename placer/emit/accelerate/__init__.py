"""Hugging Face Accelerate: what it forbids, and the YAML file of a plan."""
