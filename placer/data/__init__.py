"""Constants and measured tables as data files, each number with unit, kind and source."""
