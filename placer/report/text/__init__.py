"""A plan as text for a terminal of 100 columns, one file per part of the page."""
