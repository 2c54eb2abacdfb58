"""Many plans as one table."""
