"""Text into Markdown, LaTeX and HTML: whatever a user named a thing, it comes out as text."""

import html
import re
from collections.abc import Sequence
from pathlib import PurePath

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "–": "--",
    "−": "$-$",
    "∞": r"$\infty$",
    "●": r"$\bullet$",
    "≥": r"$\geq$",
    "×": r"$\times$",
    "→": r"$\to$",
    "…": r"\ldots{}",
    "½": r"$\frac{1}{2}$",
}
_PERCENT = re.compile(r"(?<=\d) %")
_CODE = re.compile(r"`([^`]*)`")
# Colours of the pictures that follow the page's light or dark scheme when a picture stands in it.
_SCHEME = {
    "#1f2328": "var(--ink)",
    "#6b7280": "var(--muted)",
    "#e3e6ea": "var(--grid)",
    "#0072b2": "var(--blue)",
    "#ffffff": "var(--page)",
}


def slug(text: str) -> str:
    """A name for anchors and files: lower case, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "section"


def markdown_text(text: str) -> str:
    """Escapes what Markdown or HTML would read as markup; `code` between backticks stays code."""
    parts = re.split(r"(`[^`\n]*`)", " ".join(str(text).split()))
    return "".join(part if part.startswith("`") else re.sub(r"([\\*_<>|\[\]])", r"\\\1", part) for part in parts)


def markdown_table(titles: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> str:
    """A pipe table, padded so that it can be read as plain text too."""
    cells = [[_CODE.sub(_bar, markdown_text(cell)) for cell in row] for row in (titles, *rows)]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(titles))]
    lines = [_pipe(cells[0], widths, right)]
    lines.append("|" + "|".join("-" * (w + 1) + (":" if r else "-") for w, r in zip(widths, right, strict=True)) + "|")
    lines.extend(_pipe(row, widths, right) for row in cells[1:])
    return "\n".join(lines)


def _bar(code: re.Match[str]) -> str:
    """A bar ends a cell even inside code."""
    return code.group(0).replace("|", r"\|")


def _pipe(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True))
    return "| " + " | ".join(padded) + " |"


def fenced(text: str) -> str:
    """A code block whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}"


def latex_text(text: str) -> str:
    """Escapes LaTeX's special characters."""
    return "".join(_LATEX.get(character, character) for character in _CODE.sub(r"\1", str(text)))


def latex_table(
    titles: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], caption: str, note: str = ""
) -> str:
    """A booktabs table, with how to read it below."""
    lines = [r"% needs \usepackage{booktabs}", r"\begin{table}", r"\centering", rf"\caption{{{latex_text(caption)}}}"]
    lines.append(r"\begin{tabular}{" + "".join("r" if r else "l" for r in right) + "}")
    lines.append(r"\toprule")
    lines.append(" & ".join(map(latex_text, titles)) + r" \\")
    lines.append(r"\midrule")
    lines.extend(" & ".join(map(latex_text, row)) + r" \\" for row in rows)
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [r"\par\smallskip", rf"{{\footnotesize {latex_text(note)}\par}}"] if note else []
    lines += [r"\end{table}", ""]
    return "\n".join(lines)


def html_text(text: str) -> "Safe":
    """Escapes, then sets what stands between backticks as code; a percent sign stays on its number's line."""
    return Safe(_CODE.sub(r"<code>\1</code>", _PERCENT.sub("\N{NO-BREAK SPACE}%", html.escape(str(text)))))


def inline_svg(svg: str, name: str, title: str) -> "Safe":
    """An SVG document as an element of an HTML page.

    Name spaces go (HTML knows them, and they look like addresses), identifiers get the picture's name so that
    pictures do not share them, the size becomes an upper bound, and the neutral colours follow the page's scheme.
    """
    body = re.sub(r"<\?xml[^>]*\?>\s*", "", svg)
    body = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", body)
    prefix = slug(PurePath(name).name)
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r'href="#', f'href="#{prefix}-', body)
    body = re.sub(r"url\(#", f"url(#{prefix}-", body)
    for colour, variable in _SCHEME.items():
        body = body.replace(colour, variable)
    label = html.escape(title, quote=True)
    sized = re.compile(r'<svg\b([^>]*?)\swidth="([^"]+)"([^>]*)>')
    plain = re.sub(r'\sheight="[^"]*"', "", body, count=1)
    return Safe(sized.sub(rf'<svg\1\3 role="img" aria-label="{label}" style="--wide:\2">', plain, count=1))


class Safe(str):
    """Text that is HTML already; jinja2 asks for this method before it escapes."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)
