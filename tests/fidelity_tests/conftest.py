"""Twins are worked out in double precision, product and twin alike."""

from collections.abc import Iterator
from types import ModuleType

import pytest
import torch
from torch import nn


@pytest.fixture(autouse=True)
def _in_double_precision(tiny: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    frozen = tiny.as_teacher

    def doubled(module: nn.Module, device: torch.device) -> nn.Module:
        # A user's teacher is refused unless it is in single precision.
        made: nn.Module = frozen(module.float(), device)
        return made.double()

    monkeypatch.setattr(tiny, "as_teacher", doubled)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)
