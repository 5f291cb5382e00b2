"""What `mkdocs build` does beside its plugins: formulas become MathML, which browsers show without a script."""

import html
import re
from typing import Any

from latex2mathml.converter import convert

INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
DISPLAY = re.compile(r'<div class="arithmatex">\\\[(.*?)\\\]</div>', re.DOTALL)


def on_page_content(content: str, **_: Any) -> str:
    """Formulas between dollar signs, as GitHub shows them too."""
    content = DISPLAY.sub(lambda found: _mathml(found[1], "block"), content)
    return INLINE.sub(lambda found: _mathml(found[1], "inline"), content)


def _mathml(formula: str, display: str) -> str:
    written = convert(html.unescape(formula).strip(), display=display)
    left = re.search(r"\\\w+", written)
    if left is not None:
        raise ValueError(f"`{left[0]}` is nothing that can be shown: {formula}")
    return written
