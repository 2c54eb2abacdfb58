"""Megatron-LM: what it forbids, and the arguments that make it run a plan."""
