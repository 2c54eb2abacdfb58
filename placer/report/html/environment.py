"""The templates of pages, filled in by jinja2: everything is escaped, nothing may be missing."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from placer.report.svg.figure import STYLE, THEME

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES: Final = "placer.report.html"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(_TEMPLATES, "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def rendered(template: str, **values: object) -> str:
    """Fill in a template; a value that is not given is an error."""
    return _environment().get_template(template).render(**values)


@cache
def stylesheet() -> Markup:
    """The style of pages and of the pictures in them."""
    own = files(_TEMPLATES).joinpath("templates/style.css").read_text(encoding="utf-8")
    return Markup(f"{THEME}\n{STYLE}\n{own}")  # noqa: S704 (our own files)
