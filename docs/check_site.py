"""Reads the built site as a browser would: links lead to files and anchors, and nothing is asked of the network.

`make docs` runs it after `mkdocs build --strict`, which looks at links between pages of Markdown alone.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself, and what only a click follows.
FETCHED = {
    ("img", "src"),
    ("script", "src"),
    ("link", "href"),
    ("iframe", "src"),
    ("source", "src"),
    ("object", "data"),
}
FOLLOWED = {("a", "href")}
SCHEMES = ("http", "https", "mailto", "data", "javascript")


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[tuple[str, bool]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            elif (tag, name) in FETCHED:
                self.links.append((value, True))
            elif (tag, name) in FOLLOWED:
                self.links.append((value, False))


def faults(site: Path) -> list[str]:
    """A line for each link of a page that leads nowhere, and for each thing that a browser would fetch elsewhere."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        # Without an address of its own the theme links the page of errors from the server's root.
        if path.name == "404.html":
            continue
        for link, fetched in page.links:
            place = urlsplit(link)
            if place.scheme in SCHEMES or place.netloc:
                if fetched and place.scheme != "data":
                    found.append(f"{path.relative_to(site)}: fetches {link}")
                continue
            target = (path.parent / unquote(place.path)).resolve() if place.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                found.append(f"{path.relative_to(site)}: no such file: {link}")
            elif place.fragment and target in pages and unquote(place.fragment) not in pages[target].anchors:
                found.append(f"{path.relative_to(site)}: no such anchor: {link}")
    return found


def main(site: Path) -> int:
    """Prints what is wrong; 1 if anything is."""
    found = faults(site.resolve())
    print("\n".join(found) or f"{sum(1 for _ in site.rglob('*.html'))} pages: every link leads somewhere")
    return bool(found)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
