"""``python -m placer``."""

from placer.cli.app import main

main()
