"""A cluster file counted out: hardware, units, names, outages, sites, and what contradicts."""
