"""Renderings of a comparison: terminal, JSON, all from one object."""
