"""The corpus: images as people have them, each with what it shows or why it cannot be read."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 16


@dataclass(frozen=True)
class Odd:
    """An image that is read rightly: `pixels` of shape (SIDE, SIDE, 3), each met to within `tolerance`."""

    content: bytes
    pixels: np.ndarray
    tolerance: int = 0


@dataclass(frozen=True)
class Bad:
    """What cannot be read: how it is made at a path, and words of the reason that is given for it."""

    make: Callable[[Path], object]
    reason: str


def picture() -> np.ndarray:
    """Red rises to the right, green downwards: no turn or mirror image of it is the same."""
    pixels = np.full((SIDE, SIDE, 3), 100, np.uint8)
    pixels[:, :, 0] = 15 * np.arange(SIDE)
    pixels[:, :, 1] = 15 * np.arange(SIDE)[:, None]
    return pixels


def grey() -> np.ndarray:
    return np.repeat(picture()[:, :, :1], 3, axis=2)


def saved(image: Image.Image, file_format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def noise(file_format: str, side: int = 64, **options: object) -> bytes:
    """An image that no format makes small, so that a tenth of its file is a tenth of its pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return saved(Image.fromarray(pixels), file_format, **options)


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def with_png_chunk(png: bytes, name: bytes, content: bytes) -> bytes:
    """The chunk behind the header, which has 8 + 25 bytes."""
    return png[:33] + png_chunk(name, content) + png[33:]


def declared_png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def with_jpeg_segment(jpeg: bytes, marker: int, content: bytes) -> bytes:
    return jpeg[:2] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + jpeg[2:]


def tiff_with_huge_tiles() -> bytes:
    """A TIFF of 10 x 10 pixels whose only tile is 60000 x 60000."""
    tags = {256: 10, 257: 10, 258: 8, 259: 5, 262: 1, 277: 1, 322: 60000, 323: 60000, 324: 8, 325: 100}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + bytes(100)


def _turned(orientation: int, file_format: str) -> bytes:
    """The picture as a camera stores it, so that the orientation turns it back."""
    pixels = picture()
    stored = {
        1: lambda: pixels,
        2: lambda: pixels[:, ::-1],
        3: lambda: pixels[::-1, ::-1],
        4: lambda: pixels[::-1],
        5: lambda: pixels.transpose(1, 0, 2),
        6: lambda: np.rot90(pixels),
        7: lambda: pixels[::-1, ::-1].transpose(1, 0, 2),
        8: lambda: np.rot90(pixels, -1),
    }[orientation]()
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(Image.fromarray(np.ascontiguousarray(stored)), file_format, exif=exif)


def _palette(transparent: bytes | int, file_format: str) -> bytes:
    image = Image.fromarray(np.tile(np.arange(SIDE, dtype=np.uint8) % 2, (SIDE, 1)), "L")
    image = image.convert("P")
    image.putpalette([10, 20, 30, 200, 100, 50])
    return saved(image, file_format, transparency=transparent)


def _striped(first: list[int], second: list[int]) -> np.ndarray:
    pixels = np.empty((SIDE, SIDE, 3), np.uint8)
    pixels[:, ::2], pixels[:, 1::2] = first, second
    return pixels


def _plain(colour: list[int]) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), colour, np.uint8)


def _animated(file_format: str, **options: object) -> bytes:
    frames = [Image.fromarray(_plain(colour)) for colour in ([200, 0, 0], [0, 200, 0], [0, 0, 200])]
    return saved(frames[0], file_format, save_all=True, append_images=frames[1:], **options)


def _half_transparent(mode: str) -> Image.Image:
    image = Image.fromarray(picture() if mode == "RGBA" else picture()[:, :, 0])
    image.putalpha(128)
    return image


def _on_white(pixels: np.ndarray) -> np.ndarray:
    """Alpha 128 of 255 on white."""
    return np.rint((pixels.astype(float) * 128 + 255 * 127) / 255).astype(np.uint8)


def odd_images() -> dict[str, Odd]:
    """Those that are read rightly, by file name."""
    rgb, image = picture(), Image.fromarray(picture())
    jpeg, png = saved(image, "JPEG", quality=95, subsampling=0), saved(image, "PNG")
    sixteen = Image.fromarray(grey()[:, :, 0].astype(np.uint16) * 257)
    cmyk = Image.fromarray(np.dstack([255 - rgb, np.zeros((SIDE, SIDE), np.uint8)]), "CMYK")
    floats = Image.fromarray((grey()[:, :, 0] / 255).astype(np.float32))
    black_and_white = Image.fromarray(_striped([0] * 3, [255] * 3)).convert("1")
    icc = b"ICC_PROFILE\0\x01\x01" + b"no profile" * 9
    lossless = {"lossless": True, "exact": True}
    images = {
        "plain.png": Odd(png, rgb),
        "plain.jpg": Odd(jpeg, rgb, 6),
        "plain.bmp": Odd(saved(image, "BMP"), rgb),
        "plain.dib": Odd(saved(image, "DIB"), rgb),
        "plain.tif": Odd(saved(image, "TIFF"), rgb),
        "plain.webp": Odd(saved(image, "WEBP", **lossless), rgb),
        "plain.ppm": Odd(saved(image, "PPM"), rgb),
        "plain.pcx": Odd(saved(image, "PCX"), rgb),
        "plain.sgi": Odd(saved(image, "SGI"), rgb),
        "plain.tga": Odd(saved(image, "TGA"), rgb),
        "plain.dds": Odd(saved(image, "DDS"), rgb),
        "plain.qoi": Odd(saved(image, "QOI"), rgb),
        "plain.jp2": Odd(saved(image, "JPEG2000"), rgb),
        "plain.avif": Odd(saved(image, "AVIF", quality=100, subsampling="4:4:4"), rgb, 6),
        "lzw.tif": Odd(saved(image, "TIFF", compression="tiff_lzw"), rgb),
        "two-pictures.mpo": Odd(
            saved(image, "MPO", quality=95, subsampling=0, save_all=True, append_images=[Image.new("RGB", image.size)]),
            rgb,
            6,
        ),
        "two-pages.tif": Odd(saved(image, "TIFF", save_all=True, append_images=[Image.new("RGB", image.size)]), rgb),
        "progressive.jpg": Odd(saved(image, "JPEG", quality=95, subsampling=0, progressive=True), rgb, 6),
        "a-png-called.jpg": Odd(png, rgb),
        "a-jpeg-called.png": Odd(jpeg, rgb, 6),
        "a-png-called.tga": Odd(png, rgb),
        "cmyk.jpg": Odd(saved(cmyk, "JPEG", quality=95, subsampling=0), rgb, 8),
        "cmyk.tif": Odd(saved(cmyk, "TIFF"), rgb),
        "16-bit.png": Odd(saved(sixteen, "PNG"), grey()),
        "16-bit.tif": Odd(saved(sixteen, "TIFF"), grey()),
        "16-bit.pgm": Odd(saved(sixteen, "PPM"), grey()),
        "floats.tif": Odd(saved(floats, "TIFF"), grey()),
        "1-bit.png": Odd(saved(black_and_white, "PNG"), _striped([0] * 3, [255] * 3)),
        "one-colour-transparent.png": Odd(_palette(0, "PNG"), _striped([255] * 3, [200, 100, 50])),
        "palette-half-transparent.png": Odd(
            _palette(bytes([128, 255]), "PNG"), _striped(_on_white(np.array([10, 20, 30])).tolist(), [200, 100, 50]), 1
        ),
        "palette-transparent.gif": Odd(_palette(0, "GIF"), _striped([255] * 3, [200, 100, 50])),
        "grey-half-transparent.png": Odd(saved(_half_transparent("LA"), "PNG"), _on_white(grey()), 1),
        "half-transparent.webp": Odd(saved(_half_transparent("RGBA"), "WEBP", **lossless), _on_white(rgb), 1),
        "animated.gif": Odd(_animated("GIF"), _plain([200, 0, 0])),
        "animated.png": Odd(_animated("PNG"), _plain([200, 0, 0])),
        "animated.webp": Odd(_animated("WEBP", **lossless), _plain([200, 0, 0])),
        "one-pixel.png": Odd(saved(Image.new("RGB", (1, 1), (9, 8, 7)), "PNG"), _plain([9, 8, 7])),
        "one-column.png": Odd(saved(Image.new("RGB", (1, 20000), (9, 8, 7)), "PNG"), _plain([9, 8, 7])),
        "one-row.png": Odd(saved(Image.new("RGB", (20000, 1), (9, 8, 7)), "PNG"), _plain([9, 8, 7])),
        # 36 megapixels in some 100 kB: within the limit, so it is read.
        "swells.png": Odd(saved(Image.new("L", (6000, 6000), 77), "PNG"), _plain([77] * 3)),
        "damaged-exif.jpg": Odd(with_jpeg_segment(jpeg, 0xE1, b"Exif\0\0" + b"\xff\x13" * 30), rgb, 6),
        "short-exif.jpg": Odd(with_jpeg_segment(jpeg, 0xE1, b"Exif\0\0II*\0\x08\0\0\0\x50\0\x12\x01"), rgb, 6),
        "damaged-exif.png": Odd(with_png_chunk(png, b"eXIf", b"\xff\x13" * 30), rgb),
        "orientation-99.jpg": Odd(
            with_jpeg_segment(
                jpeg, 0xE1, b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x0112, 3, 1, 99) + bytes(4)
            ),
            rgb,
            6,
        ),
        "damaged-profile.jpg": Odd(with_jpeg_segment(jpeg, 0xE2, icc), rgb, 6),
        "damaged-profile.png": Odd(with_png_chunk(png, b"iCCP", b"name\0\0no deflate"), rgb),
        "damaged-pictures-list.jpg": Odd(with_jpeg_segment(jpeg, 0xE2, b"MPF\0II*\0" + b"\xff" * 40), rgb, 6),
        "odd-text.png": Odd(with_png_chunk(png, b"iTXt", b"key\0\1\0\0\0\xff\xfe\xfd"), rgb),
        "more-behind-the-end.png": Odd(png + b"<?php echo 1 ?>" * 50, rgb),
        "more-behind-the-end.jpg": Odd(jpeg + b"<?php echo 1 ?>" * 50, rgb, 6),
        **{f"orientation-{n}.png": Odd(_turned(n, "PNG"), rgb) for n in range(1, 9)},
        "orientation-6.tif": Odd(_turned(6, "TIFF"), rgb),
        "orientation-6.webp": Odd(
            saved(Image.open(io.BytesIO(_turned(6, "PNG"))), "WEBP", **lossless, exif=_exif_of(6)), rgb
        ),
        "orientation-8.jpg": Odd(_turned(8, "JPEG"), rgb, 40),
    }
    return images | {name: Odd(png, rgb) for name in ODD_NAMES}


def _exif_of(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


# As names of files; the last is Latin-1, no UTF-8.
ODD_NAMES = (
    "line\nbreak.png",
    "carriage\rreturn.png",
    "both\r\nof them.png",
    "tab\tulator.png",
    "'quotes' and \"more\".png",
    "comma, semicolon;.png",
    "<img src=x onerror=alert(1)>.png",
    "=1+1.png",
    "-.png",
    "\x1b[31mred.png",
    "schön ☀ 猫 😀.png",
    " spaces .PNG",
    f"{'long' * 62}.png",
    os.fsdecode(b"caf\xe9.png"),
)


def _linked(target: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(target)


def _written(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _unreadable(path: Path) -> None:
    path.write_bytes(saved(Image.new("L", (4, 4)), "PNG"))
    path.chmod(0)


EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 16 16
%%EndComments
0 0 16 16 rectfill
showpage
%%EOF
"""


def bad_images() -> dict[str, Bad]:
    """What is reported by name, by file name."""
    jpeg, png = noise("JPEG", quality=95), noise("PNG")
    gif, tiff, webp = noise("GIF"), noise("TIFF"), noise("WEBP", lossless=True)
    broken_sum = bytearray(png)
    broken_sum[200] ^= 0xFF
    too_large = r"more than max_megapixels allows \(100\)"
    unknown = "not an image that kbin can read"
    bad = {
        **{f"truncated-at-{10 * t}%.jpg": Bad(_written(jpeg[: len(jpeg) * t // 10]), ".") for t in range(1, 10)},
        **{f"truncated-at-{10 * t}%.png": Bad(_written(png[: len(png) * t // 10]), ".") for t in range(1, 10)},
        "truncated.gif": Bad(_written(gif[: len(gif) // 2]), "truncated"),
        "truncated.tif": Bad(_written(tiff[: len(tiff) // 2]), "."),
        "truncated.webp": Bad(_written(webp[: len(webp) // 2]), "."),
        "empty.png": Bad(_written(b""), "an empty file"),
        "empty.jpg": Bad(_written(b""), "an empty file"),
        "only-a-header.png": Bad(_written(png[:33]), "."),
        "wrong-sum.png": Bad(_written(bytes(broken_sum)), "broken"),
        "text.jpg": Bad(_written(b"This is no image.\n" * 50), unknown),
        "text.tga": Bad(_written(b"This is no image.\n" * 50), unknown),
        "not-found.gif": Bad(_written(b"<!doctype html><title>404</title>"), unknown),
        "zeros.png": Bad(_written(bytes(1000)), unknown),
        "an-eps-called.jpg": Bad(_written(EPS), unknown),
        # Nothing in a TGA tells it from a damaged file of another kind.
        "a-tga-called.png": Bad(_written(saved(Image.new("RGB", (4, 4)), "TGA")), unknown),
        "an-icon-called.png": Bad(_written(saved(Image.new("RGB", (16, 16)), "ICO")), unknown),
        "bomb.png": Bad(_written(declared_png(50_000, 50_000)), r"2,500 megapixels, " + too_large),
        "just-too-large.png": Bad(_written(declared_png(10_001, 10_000)), r"100\.01 megapixels, " + too_large),
        "bomb.gif": Bad(_written(b"GIF89a" + struct.pack("<HH", 60_000, 60_000) + gif[10:]), too_large),
        "bomb.jpg": Bad(_written(_declared_jpeg(jpeg, 65_000)), too_large),
        "huge-tiles.tif": Bad(_written(tiff_with_huge_tiles()), "."),
        "text-bomb.png": Bad(
            _written(with_png_chunk(png, b"zTXt", b"key\0\0" + zlib.compress(bytes(50_000_000)))), "."
        ),
        "floats-out-of-range.tif": Bad(_written(saved(Image.new("F", (4, 4), 300.0), "TIFF")), "allowed: 0 to 1"),
        "not-a-number.tif": Bad(_written(saved(Image.new("F", (4, 4), float("nan")), "TIFF")), "allowed: 0 to 1"),
        "folder.png": Bad(Path.mkdir, "a folder, not a file"),
        "dangling.png": Bad(_linked("nowhere.png"), "a link to a file that is not there"),
        "circular.png": Bad(_linked("circular.png"), "a link that leads to itself"),
        "pipe.png": Bad(os.mkfifo, "a named pipe, not a file"),
        "broken\nname\udce9.png": Bad(_written(b""), "an empty file"),
    }
    if os.geteuid():
        bad["no-permission.png"] = Bad(_unreadable, "permission denied")
    return bad


def _declared_jpeg(jpeg: bytes, side: int) -> bytes:
    """The same scan under a header (SOF0) that declares another size."""
    start = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:start] + struct.pack(">HH", side, side) + jpeg[start + 4 :]


def write_odd(folder: Path) -> dict[str, Odd]:
    """Writes those that are read rightly into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    images = odd_images()
    for name, odd in images.items():
        (folder / name).write_bytes(odd.content)
    return images


def write_bad(folder: Path) -> dict[str, Bad]:
    """Writes those that cannot be read into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    images = bad_images()
    for name, bad in images.items():
        bad.make(folder / name)
    return images
