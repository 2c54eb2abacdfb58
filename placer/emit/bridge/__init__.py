"""Megatron-Bridge: overrides of a recipe, and a NeMo-Run executor."""
