"""Other people's files as our specs."""
