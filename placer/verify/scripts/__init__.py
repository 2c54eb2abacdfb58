"""Scripts that run in a framework's own interpreter; nothing of placer is importable there."""
