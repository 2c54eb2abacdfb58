"""A plan as framework and launcher files."""
