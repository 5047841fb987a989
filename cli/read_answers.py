"""What `lenet5 read` answers to each image and page."""

from collections.abc import Iterable, Iterator

from lenet5.errors import one_line, shortened

from . import output
from .inputs import reason
from .sources import source


def answers(names: Iterable[str], drawing, settings: dict) -> Iterator[dict]:
    """A JSON document for each page of each name, in order."""
    from lenet5 import errors
    from lenet5.ocr import reader

    for name in names:
        try:
            for reading in reader.read_pages(source(name), **settings):
                if drawing and not reading.error:
                    drawing.draw(name, reading)
                if reading.turn:
                    output.note(f"{one_line(name)}: not upright, read turned by {reading.turn} degrees to the left")
                yield _document(name, reading, settings["table"])
        except errors.PictureError as error:
            output.trace(error)
            yield {"file": shortened(name), "text": None, "confidence": None, "error": reason(name, error)}


def _document(name: str, reading, with_table: bool) -> dict:
    from lenet5.ocr import reader

    if reading.error is None:
        table = {"table": reading.table} if with_table else {}
        return {"file": name, **reader.document(reading), **table}
    output.trace(reading.error)
    pages = {"page": reading.page, "pages": reading.pages}
    return {"file": name, "text": None, "confidence": None, "error": reason(name, reading.error), **pages}
