"""What a sweep found, told in a terminal, as JSON and as a page."""
