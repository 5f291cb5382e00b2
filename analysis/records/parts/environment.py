"""Where a run was."""

from pydantic import Field

from analysis.records.parts.part import Number, Part


class Environment(Part):
    """What explains the seconds."""

    device: str = Field(description="Where it ran.")
    device_name: str = Field(default="", description="What the device is.")
    threads: int = Field(default=1, description="Threads of torch.")
    trials_alongside: int = Field(default=1, description="Jobs at the same time, this one included.")
    host: str = Field(default="", description="Name of the machine.")
    process: int = Field(default=0, description="Number of the worker's process.")
    python: str = Field(default="", description="Version of Python.")
    torch: str = Field(default="", description="Version of torch.")
    torch_geometric: str = Field(default="", description="Version of torch_geometric.")
    acgkd: str = Field(default="", description="Version of acgkd.")
    calibration_s: Number = Field(default=None, description="Seconds of one fixed kernel, measured beside the run.")
    started_at: str = Field(default="", description="UTC, ISO 8601.")
    finished_at: str = Field(default="", description="UTC, ISO 8601.")
