"""A report as one HTML page that asks nobody for anything: its policy forbids it to, and its script is its own."""

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files

from analysis.figures.canvas import Picture
from analysis.page import markup
from analysis.page.blocks import Report, Table

_PARTS = ("trials.js", "pointer.js", "tables.js")


def html(report: Report, live: int | None = None) -> str:
    """The page; without its script everything is there, with it one can hover, filter, sort and choose axes.

    Args:
        report: what it says.
        live: number of this page, where it is served: it then asks its own server for a later one, and loads it.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("analysis.page", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(inline_svg=markup.inline_svg, prose=markup.html_text, slug=markup.slug)
    environment.globals.update(kind=lambda block: type(block).__name__.lower(), zip=zip, rest=_rest, crowds=_crowds)
    script = _script()
    return environment.get_template("report.html").render(
        report=report,
        policy=_policy(script) if live is None else _policy(script, _asset("live.js")),
        style=markup.Safe(_asset("report.css")),
        script=markup.Safe(script),
        trials=markup.Safe(_trials(report)),
        live=live,
        live_script=markup.Safe(_asset("live.js")),
    )


def _script() -> str:
    """The page's own script: its parts share one scope."""
    parts = "\n".join(map(_asset, _PARTS))
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def _trials(report: Report) -> str:
    """The trials' values as JSON that cannot end the element it stands in, whatever trials are called."""
    return _json({item.scope: {"fields": item.fields, "trials": item.rows} for item in report.trials})


def _rest(table: Table) -> markup.Safe:
    """The rows of a table that its script shows page by page."""
    return markup.Safe(_json(table.rest()))


def _crowds(picture: Picture) -> markup.Safe:
    """Where the marks are that are part of one picture."""
    return markup.Safe(_json([(item.lines, item.trials, item.places) for item in picture.crowds]))


def _json(data: object) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(*scripts: str) -> str:
    """What the page may do: show itself, and run its own script; a second one may ask the page's server."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    asks = "connect-src 'self'; " if len(scripts) > 1 else ""
    return (
        f"default-src 'none'; script-src {allowed}; {asks}style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _asset(name: str) -> str:
    return files("analysis.page").joinpath("templates", name).read_text(encoding="utf-8")
