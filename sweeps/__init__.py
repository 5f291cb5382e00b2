"""Sweeps over distillation settings that survive anything: run = resume = extend = no-op."""

__distribution__ = "acgkd"
