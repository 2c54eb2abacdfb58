"""torchtitan: what it forbids, and its two ways to be told a plan (TOML and command line)."""
