"""A plan, a model or a cluster as text, picture or page."""
