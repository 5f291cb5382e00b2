"""How students were taught before ACGKD: plain, at one temperature, on samples in any order."""

from pydantic import Field

from acgkd.transfer.curriculum import Pacing
from acgkd.transfer.transfer import CurriculumConfig, TemperatureConfig, TransferConfig


class PlainTemperatureConfig(TemperatureConfig):
    """Softening of the logits: 2, as in GFKD's comparison."""

    value: float = Field(default=2.0, gt=0)


class NoCurriculumConfig(CurriculumConfig):
    """No order unless one is asked for."""

    pacing: Pacing = "none"


class PlainTransferConfig(TransferConfig):
    """How the student is taught: as before ACGKD, a plain student, one temperature and no curriculum."""

    temperature: PlainTemperatureConfig = PlainTemperatureConfig()
    curriculum: NoCurriculumConfig = NoCurriculumConfig()
