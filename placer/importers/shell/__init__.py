"""Shell scripts read as text: what their variables and commands come to, nothing executed."""

from placer.importers.shell.expansion import Field
from placer.importers.shell.script import Command, Script, read_script

__all__ = ["Command", "Field", "Script", "read_script"]
