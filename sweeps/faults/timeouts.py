"""The error of a step that took too long."""


class StepTimeoutError(Exception):
    """A step took longer than it may."""
