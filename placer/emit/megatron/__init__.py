"""Megatron-LM: what it forbids, and the arguments that launch a plan."""
