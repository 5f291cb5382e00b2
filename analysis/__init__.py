"""Records of distillation runs as data frames and reports: what accuracy each setting buys, and at what cost."""

__distribution__ = "acgkd"
