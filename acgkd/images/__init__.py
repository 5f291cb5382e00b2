"""Images: batches, and the modality object `IMAGES`."""

from acgkd.images.batch import ImageBatch
from acgkd.images.modality import IMAGES, Images
from acgkd.priors import ImagePrior

__all__ = ["IMAGES", "ImageBatch", "ImagePrior", "Images"]
