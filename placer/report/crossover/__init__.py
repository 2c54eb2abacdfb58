"""What should cross the links between sites: as text, Markdown, JSON and a map."""
