"""From a template to a page: what the template may call, and how its mistakes are said."""

import json
import platform
from collections.abc import Callable
from pathlib import Path

from acgkd import __version__
from acgkd.errors import ConfigError
from acgkd.files.whole import write_whole
from analysis import robustness
from analysis.comparison.choosing import RULE
from analysis.comparison.joint import Comparison
from analysis.comparison.tables.pair_tables import LEGEND
from analysis.comparison.templates import markdown_words, studied
from analysis.comparison.templates.chosen_rows import chosen, protocol, top
from analysis.comparison.templates.comparison_part import Part
from analysis.comparison.templates.one_change import changes
from analysis.comparison.templates.pair_parts import matrix, pair_table
from analysis.comparison.templates.row_cells import COLUMNS, over_samples, plain, signed
from analysis.figures.canvas import Picture


class _Shelf:
    """Pictures that a page shows: files beside it, named after it."""

    def __init__(self, stem: str) -> None:
        self._stem = stem
        self.files: dict[str, str] = {}

    def __call__(self, picture: Picture) -> str:
        name = f"{self._stem}-{picture.name}.svg"
        self.files[name] = picture.svg
        return f"![{markdown_words.cell(picture.title)}]({name})"


def fill(comparison: Comparison, template: Path, out: Path) -> Path:
    """Writes the page that a template makes of a comparison, and the figures that it shows.

    Args:
        comparison: that the template speaks of.
        template: a Markdown file with Jinja's tags; ``.j2`` at the end of its name falls away.
        out: folder of the page.

    Returns:
        The page's path.

    Raises:
        ConfigError: the template cannot be read, breaks Jinja's rules, or asks for what is not there; the message
            names the line.
        ...: what its calls raise, such as `SourceError` of a part that is not there.
    """
    page = out / template.name.removesuffix(".j2")
    if page.resolve() == template.resolve():
        raise ConfigError(
            f"A page lies elsewhere than its template, but both are {page}. Name the template `{page.name}.j2`, or "
            "choose another `--out`."
        )
    shelf = _Shelf(page.stem)
    text = rendered(template, _words(Part(comparison, shelf), template, shelf))
    for name, content in [*shelf.files.items(), (page.name, text)]:
        write_whole(out / name, content.encode())
    return page


def rendered(template: Path, words: dict[str, object]) -> str:
    """The text that a template makes.

    Args:
        template: a text file with Jinja's tags.
        words: what it may call, by name.

    Raises:
        ConfigError: it cannot be read, breaks Jinja's rules, or asks for what is not there; the message names the line.
    """
    from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False
    )
    environment.filters.update(
        fixed=markdown_words.fixed, listed=markdown_words.listed, signed=signed, plain=plain, cell=markdown_words.cell
    )
    try:
        source = template.read_text(encoding="utf-8")
        return environment.from_string(source, globals=words).render().rstrip() + "\n"
    except (OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"A template is a text file, but {template} cannot be read: {reason}.") from None
    except TemplateSyntaxError as error:
        raise ConfigError(f"{template}, line {error.lineno}: {error.message}.") from None
    except (TemplateError, TypeError, ValueError, KeyError, ZeroDivisionError) as error:
        where = _line_of(error)
        raise ConfigError(f"{template}{where}: {' '.join(str(error).split())}.") from None


def _line_of(error: Exception) -> str:
    """The template's line in a traceback, which Jinja rewrites."""
    found, step = "", error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == "<template>":
            found = f", line {step.tb_lineno}"
        step = step.tb_next
    return found


def _words(whole: Part, template: Path, shelf: Callable[[Picture], str]) -> dict[str, object]:
    """Everything that a template may call by its name."""
    own = {name: getattr(whole, name) for name in dir(Part) if not name.startswith("_")}
    beside = template.parent

    def data(path: str) -> object:
        """A JSON file beside the template."""
        try:
            return json.loads((beside / path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"`data` reads a JSON file, but {path} cannot be read: {error}.") from None

    return own | {
        "rule": RULE,
        "pair_legend": LEGEND,
        "machine": machine(),
        "over_samples": over_samples,
        "protocol": protocol,
        "top": top,
        "data": data,
        "columns_of_tables": list(COLUMNS),
        "table_of": markdown_words.table,
        "changes": lambda part, **said: changes(part.comparison, **said),
        "matrix": lambda dataset: matrix(whole, dataset),
        "pair_table": pair_table,
        "studies": studied.studies,
        "contrasts": robustness.contrasts,
        "claim": robustness.verdict,
        "claim_rule": lambda ours: robustness.RULE.format(ours=ours),
        "absent": robustness.absent,
        "claim_table": studied.claim_table,
        "spread_table": studied.spread_table,
        "single_table": studied.single_table,
        "hyper_parameter_table": studied.hyper_parameter_table,
        "distribution": lambda studies, lines=(): shelf(studied.distribution("spread", studies, lines)),
        "equal_seconds": lambda part, path: studied.equal_seconds_table(part, beside / path),
        "costs": studied.costs,
        "chosen": chosen,
    }


def machine() -> str:
    """What made the page, without a name."""
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, acgkd {__version__}"
