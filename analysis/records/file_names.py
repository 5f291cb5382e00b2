"""Text that can be written anywhere: names on disk may hold bytes that are no UTF-8, and messages may quote them."""


def as_text(name: str) -> str:
    r"""The name without lone surrogates: bytes in it that are no UTF-8 become `\xff`.

    Args:
        name: as Python reads it from disk or the command line, undecodable bytes as lone surrogates.
    """
    if name.isascii():
        return name
    try:
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # surrogates that stand for no byte
        return name.encode("utf-8", "backslashreplace").decode("utf-8")


def all_as_text(tree: object) -> object:
    """The same for every string in a tree of plain values, as JSON is read."""
    if isinstance(tree, str):
        return as_text(tree)
    if isinstance(tree, dict):
        return {as_text(key): all_as_text(value) for key, value in tree.items()}
    return [all_as_text(value) for value in tree] if isinstance(tree, list) else tree
