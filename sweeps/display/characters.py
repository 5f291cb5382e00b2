"""What a stream cannot show, in ASCII: `→` becomes `->`, `±` becomes `+/-`, and nobody gets an exception.

Importing this module registers the error handler `acgkd-ascii` for `str.encode` and for text streams.
"""

import codecs
import re
import unicodedata

ERRORS = "acgkd-ascii"
# All but tabs and ends of lines.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_ASCII = {
    **dict.fromkeys("–—−‐‑─━╌╴╶╸╺", "-"),
    **dict.fromkeys("│┃╎╵╷╹╻", "|"),
    **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼┏┓┗┛┡┩╇╞╡╪", "+"),
    **dict.fromkeys("‘’′", "'"),
    **dict.fromkeys("“”″„", '"'),
    "→": "->",
    "←": "<-",
    "±": "+/-",
    "×": "x",
    "·": "*",
    "•": "*",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "≈": "~",
    "∞": "inf",
    "√": "sqrt",
    "α": "alpha",
    "β": "beta",
    "λ": "lambda",
    "µ": "u",
    "μ": "mu",
    "σ": "sigma",
    "ß": "ss",
    "✓": "ok",
}


def in_ascii(character: str) -> str:
    """The nearest ASCII for one character; a byte of a path that is no text becomes its hex code, the rest `?`."""
    known = _ASCII.get(character)
    if known is not None:
        return known
    if "\udc80" <= character <= "\udcff":  # how Python keeps an undecodable byte of a file name
        return f"\\x{ord(character) - 0xDC00:02x}"
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode("ascii")
    return plain or "?"


def showable(text: str, encoding: str) -> str:
    """The text with everything that `encoding` cannot hold in ASCII; the same object where nothing has to change.

    Control characters become their hex codes in any encoding: a name that a file gave must not steer a terminal.
    """
    if _CONTROL.search(text):
        text = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_shown(character, encoding) for character in text)
    except LookupError:  # an encoding that Python does not know: the stream's own concern
        return text
    return text


def _shown(character: str, encoding: str) -> str:
    return character.encode(encoding, ERRORS).decode(encoding)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(in_ascii, error.object[error.start : error.end])), error.end


codecs.register_error(ERRORS, _replace)
