"""The upper control: the same teaching on the teacher's own training split, handed in from outside."""

from typing import ClassVar, Literal

from acgkd.config import checked
from acgkd.errors import ConfigError
from acgkd.method import Method, MethodConfig, MethodContext, MethodRun, NoSettings
from acgkd.priors import ImagePrior, Prior
from acgkd.settings.transfer_stage import CurriculumConfig, TransferConfig


class RealTransferConfig(TransferConfig):
    """Teaching on real samples: all are let in from the beginning.

    Args:
        projection: `auto` is `gat` on graphs and `none` on images.
    """

    projection: Literal["auto", "none", "gat"] = "auto"  # type: ignore[assignment]
    curriculum: CurriculumConfig = CurriculumConfig(pacing="none")


class _RealImagesConfig(TransferConfig):
    """As methods on images teach: in batches of the size that is said."""

    repeats: ClassVar[bool] = True


class RealDataConfig(MethodConfig):
    """Settings of the control; there is nothing to synthesise."""

    synthesis: NoSettings = NoSettings()
    transfer: RealTransferConfig = RealTransferConfig()


def _start(config: RealDataConfig, context: MethodContext[Prior]) -> MethodRun:
    from acgkd.transfer.real_samples import RealGraphs, real_images
    from acgkd.transfer.teaching import teach_graphs, teach_images

    if not context.real:
        raise ConfigError("`real_data` learns from the training split, but no data set was given.")
    of_images = isinstance(context.prior, ImagePrior)
    settings = config.transfer.model_dump()
    if settings["projection"] == "auto":
        settings["projection"] = "none" if of_images else "gat"
    taught = checked(_RealImagesConfig if of_images else TransferConfig, settings, "method real_data")
    if of_images:
        return teach_images(real_images(context.real, context.device), taught, context)
    return teach_graphs(RealGraphs(context.real, context.device), taught, context)


METHOD = Method(config=RealDataConfig, modality=None, start=_start, needs_data=True)
