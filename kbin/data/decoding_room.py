"""How much is decoded at once: threads that decode large images wait for each other."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Pixels in decoding, of all threads. A pixel takes up to some 20 bytes on its way to RGB, so they stay near 1 GB;
# an image that is larger is decoded alone.
_MOST_PIXELS = 50_000_000


class DecodingRoom:
    """Room for so many pixels.

    Args:
        pixels: The most that are decoded at the same time.
    """

    def __init__(self, pixels: int) -> None:
        self._free = self._all = pixels
        self._changed = threading.Condition()

    @contextmanager
    def taking(self, pixels: int) -> Iterator[None]:
        """Waits until there is room for an image, and holds it in the block.

        Args:
            pixels: Of the image; one that is larger than all the room waits until nothing else is decoded.
        """
        wanted = min(pixels, self._all)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify_all()


decoding_room = DecodingRoom(_MOST_PIXELS)
