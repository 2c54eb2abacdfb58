"""Renderings of a comparison, all from one object: terminal, JSON, Markdown, HTML."""
