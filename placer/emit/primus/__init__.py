"""AMD Primus: Megatron-LM's arguments as overrides of an experiment."""
