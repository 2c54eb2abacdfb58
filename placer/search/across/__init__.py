"""What crosses between sites, and which site holds what: the search above the search."""
