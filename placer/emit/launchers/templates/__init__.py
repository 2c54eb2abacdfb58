"""Texts of the launchers' files, filled in by jinja2."""

from __future__ import annotations

from placer.emit.argument import comment_lines


def render(name: str, **values: object) -> str:
    """Fill in a template of this folder; a value that is not given is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__name__, "."),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - shell files, not HTML; what enters them is checked or quoted
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["comment"] = lambda text: "\n".join(comment_lines(text))
    return environment.get_template(name).render(**values)
