"""What every model takes: network inputs in arrays, arrays of other programs, and images of any kind."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..nn.foreign_arrays import plain_images
from ..preprocessing.preparation import Preparation


class ImageModel:
    """A model of images, with its `preparation` and `check_pictures`."""

    if TYPE_CHECKING:

        @property
        def preparation(self) -> Preparation: ...

    def check_pictures(self, X: np.ndarray) -> np.ndarray:
        """``X`` as a contiguous array; ValueError where it does not fit."""
        raise NotImplementedError

    def _answered(self, answer: Callable[[np.ndarray], np.ndarray], X, threads: int | None) -> np.ndarray:
        """``answer(X)``; arrays of other programs are brought to the model's form where they are refused."""
        X = as_array(X, self, threads)
        try:
            return answer(X)
        except ValueError:
            return answer(self._taken(X))

    def _taken(self, X: np.ndarray) -> np.ndarray:
        """``X``, or what `foreign_arrays.plain_images` makes of it if only that fits; ValueError if neither does."""
        try:
            self.check_pictures(X)
            return X
        except ValueError as error:
            try:
                plain = plain_images(X)
                self.check_pictures(plain)
            except ValueError:
                raise error from None
            return plain


def as_array(X, model: ImageModel, threads: int | None = None) -> np.ndarray:
    """``X`` as it is, unless it is an image or a list of images, which are prepared for the model."""
    if hasattr(X, "shape"):
        return X
    from .recognize import inputs, is_source

    several = isinstance(X, list | tuple) and len(X) and all(is_source(x) and not isinstance(x, np.ndarray) for x in X)
    return inputs(X, threads, model.preparation) if several or is_source(X) else X
