"""The pictures of a plan, one file each: what is found, how to read it, the same as a table."""
