"""What a network expects of a prepared image."""

from dataclasses import dataclass

COLOURS = {1: "grey", 3: "RGB"}


@dataclass(frozen=True)
class Preparation:
    """How any image becomes the input of a network.

    Parameters
    ----------
    kind : "digit", "image" or "contrast"
        A digit is cut out, scaled and centred as MNIST's were. An image is resized as a whole, see `whole`; so it is
        with "contrast", of older model files, but to 28 x 28 and as the grey in which its colours differ most.
    resized : side to which an image is resized
    field : side of the input, to which it is padded with background
    channels : 1 for grey, 3 for red, green and blue
    """

    kind: str
    resized: int = 28
    field: int = 32
    channels: int = 1

    def __post_init__(self):
        if self.kind not in ("digit", "image", "contrast"):
            raise ValueError(f"preparation is {self.kind!r}, expected digit or image")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the input."""
        return self.channels, self.field, self.field

    def as_dict(self) -> dict:
        """JSON values for a model file."""
        if self.kind == "digit":
            cut = {"ink_box": 20, "centred_by": "mass", "field": 28}
            return {"kind": self.kind, **cut, "input": self.field, "ink": "bright"}
        size = {"kind": "image", "resized": self.resized, "input": self.field}
        if self.kind == "contrast":
            return size
        return {**size, "channels": self.channels, "colour": COLOURS[self.channels], "shape": "stretched"}


def kind_in(prepared: object) -> str | None:
    """The kind of a preparation that a model file describes; None where it has none."""
    if not isinstance(prepared, dict):
        return None
    return "contrast" if prepared.get("kind") == "image" and "channels" not in prepared else prepared.get("kind")


DIGIT, IMAGE = Preparation("digit"), Preparation("image")
