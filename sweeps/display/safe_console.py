"""A rich console that prints anywhere: in any encoding, at any width, to a terminal, a pipe or nothing at all."""

import os
from collections.abc import Iterable
from itertools import accumulate
from typing import IO, Any

from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.status import Status
from rich.text import Span, Text

from sweeps.display.characters import showable

LOG_WIDTH = 100  # where nobody says how wide, as in a log file, tables get the width that they are made for
LEAST_WIDTH = 20


class SafeConsole(Console):
    """As `rich.console.Console`, without emoji codes.

    Text that the stream's encoding lacks becomes ASCII before it is laid out, so that columns stay aligned.

    Args:
        stderr: write to standard error and not to standard output; either is looked up at each call.
        file: write there instead.
        width: columns; that of the terminal, of `COLUMNS`, or 100 if left out.
        force_terminal: treat the stream as a terminal.
    """

    def __init__(
        self,
        *,
        stderr: bool = False,
        file: IO[str] | None = None,
        width: int | None = None,
        force_terminal: bool | None = None,
    ) -> None:
        self._fixed_width = width
        super().__init__(stderr=stderr, file=file, width=width, force_terminal=force_terminal, emoji=False)
        # Rich keeps `COLUMNS` and `LINES` as they are now; a terminal may be resized, and they with it.
        self._width, self._height = width, None

    @property
    def ascii_only(self) -> bool:
        """Whether box drawing and Braille are beyond the stream."""
        return not self.encoding.startswith("utf")

    @property
    def size(self) -> ConsoleDimensions:
        """Columns and rows; never less than 20 columns, for a layout needs some room."""
        width, height = super().size
        if self._fixed_width is None and not self.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
            width = LOG_WIDTH
        return ConsoleDimensions(max(LEAST_WIDTH, width), height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size

    def render_str(self, text: str, **options: Any) -> Text:
        """Text of a string, in characters that the stream has."""
        return super().render_str(showable(text, self.encoding), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Segments of anything; `Text` in characters that the stream has."""
        if isinstance(renderable, Text):
            renderable = self._showable(renderable)
        for segment in super().render(renderable, options):
            # Only rich itself can have put it there, where it cut a text; `...` would be too long for the line.
            cut = "…" in segment.text and showable("…", self.encoding) != "…"
            yield Segment(segment.text.replace("…", "~"), segment.style, segment.control) if cut else segment

    def status(self, status: RenderableType, **options: Any) -> Status:
        """A spinner that the stream can draw."""
        return super().status(status, **{"spinner": self.spinner, **options})

    @property
    def spinner(self) -> str:
        """Name of a spinner that the stream can draw."""
        return "line" if self.ascii_only else "dots"

    def _showable(self, text: Text) -> Text:
        if showable(text.plain, self.encoding) is text.plain:
            return text
        pieces = [showable(character, self.encoding) for character in text.plain]
        places = [0, *accumulate(map(len, pieces))]
        made = text.blank_copy("".join(pieces))
        made.spans = [Span(places[span.start], places[span.end], span.style) for span in text.spans]
        return made
