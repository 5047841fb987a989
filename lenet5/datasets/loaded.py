"""A set of labelled images in memory, or mapped from a file."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Loaded:
    """A set in memory.

    Attributes
    ----------
    train, test : images, uint8 (N, 28, 28), ink bright, or (N, S, S) or (N, 3, S, S); and labels, uint8 (N,)
        Of a table of numbers float64 (N,) or (N, targets), and of labels with numbers what `targets.joined` gives.
    notes : lines for the user that say why it is this set
    preparation : how other images are prepared as these were, see `Preparation.kind`; None: as the classes say
    validation : images and labels of the set's own, if it has any; `None` where training images are set apart
    source : what `obtain` makes the same set of, if that is not its name
    """

    name: str
    train: "tuple[np.ndarray, np.ndarray]"
    test: "tuple[np.ndarray, np.ndarray]"
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    preparation: str | None = None
    validation: "tuple[np.ndarray, np.ndarray] | None" = None
    source: dict | None = None

    @property
    def judged(self) -> "tuple[str, tuple[np.ndarray, np.ndarray]]":
        """What results are measured on, with its name: test images, else validation images, else training images."""
        parts = {"test": self.test, "validation": self.validation, "training": self.train}
        return next((name, part) for name, part in parts.items() if part is not None and len(part[1]))

    @property
    def held_out(self) -> "tuple[np.ndarray, np.ndarray] | None":
        """The set's own validation images; None without any."""
        return self.validation if self.validation is not None and len(self.validation[1]) else None

    def of_task(self, task: str) -> Self:
        """What a task learns of labels with targets: "classification", "regression" or "both".

        Any other set stays as it is. So models of each task are trained, and judged, on one table.
        """
        if not self.train[1].dtype.names or task == "both":
            return self
        from ..nn.targets import labels_in, targets_in

        taken = targets_in if task == "regression" else labels_in
        (X, y), (X_test, y_test) = self.train, self.test
        held = self.validation and (self.validation[0], taken(self.validation[1]))
        classes = () if task == "regression" else self.classes
        return replace(self, classes=classes, train=(X, taken(y)), test=(X_test, taken(y_test)), validation=held)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over shapes and values of the training images and labels, which identifies the training data.

        Validation images of the set's own belong to them, as those that are set apart from the others do.
        """
        from ..utils.memmap import pieces

        digest = hashlib.sha256()
        for array in (*self.train, *(self.validation or ())):
            digest.update(f"{array.shape}".encode())
            for piece in pieces(array, 1024):
                digest.update(piece.data if piece.flags.c_contiguous else piece.tobytes())
        return digest.hexdigest()
