"""Writes the parts of the documentation that follow from the code.

`python docs/generate.py` rewrites them; a test compares the pages with what this would write.
"""

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS)]

from generators.api import acgkd_page, analysis_page, sweeps_page  # noqa: E402
from generators.commands import commands_page  # noqa: E402
from generators.errors import errors_page  # noqa: E402
from generators.layers import contracts, layers_page  # noqa: E402
from generators.records import records_page  # noqa: E402
from generators.spec import graph_methods_page, image_methods_page, spec_page  # noqa: E402
from generators.suite import suite_page  # noqa: E402
from generators.trial_states import trial_states_page, trial_states_picture  # noqa: E402

__all__ = ["PAGES", "contracts", "layers_page"]

PAGES = {
    "explanations/layers.md": layers_page,
    "explanations/trial-states.md": trial_states_page,
    "reference/spec.md": spec_page,
    "reference/suite.md": suite_page,
    "reference/graph-methods.md": graph_methods_page,
    "reference/image-methods.md": image_methods_page,
    "reference/commands.md": commands_page,
    "reference/records.md": records_page,
    "reference/errors.md": errors_page,
    "reference/api-acgkd.md": acgkd_page,
    "reference/api-sweeps.md": sweeps_page,
    "reference/api-analysis.md": analysis_page,
    "pictures/trial-states.svg": trial_states_picture,
}


def main() -> None:
    """Writes all pages."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
