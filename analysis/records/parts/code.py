"""Which code a run had."""

from pydantic import Field

from analysis.records.parts.part import Part


class Code(Part):
    """Which code ran. Digests are sixteen hex digits of a SHA-256 over what is in files, wherever they lie."""

    version: str = Field(default="", description="Of acgkd.")
    package: str = Field(default="", description="Digest of the source files of acgkd, sweeps and analysis.")
    plugins: dict[str, str] = Field(
        default_factory=dict, description="Digests of what others add to the catalogues, by catalogue and file."
    )
    files: dict[str, str] = Field(
        default_factory=dict,
        description="Digests of the user's files that were loaded for what the spec names, by path below its folder.",
    )
