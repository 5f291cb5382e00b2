"""What Ray Tune may pickle of our scheduler, searcher and callbacks: nothing, the sweep folder holds everything."""


class Stateless:
    """Base of what Ray puts into its experiment snapshot, which nobody reads."""

    def __getstate__(self) -> dict[str, object]:
        """Nothing."""
        return {}
