"""What was emitted, judged by the frameworks themselves."""
