"""From a stranger's file to a picture that is safe to keep, and from that to thumbnails.

Nothing of the uploaded file is kept but its pixels: what is stored was drawn anew, so a location, a
camera's serial number or a script hidden between the pixels does not come along.
"""

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO

from PIL import Image, ImageCms, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")  # only these decoders ever see an upload
EXTENSIONS = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif"})
STORED_EDGE = 2048  # pixels: enough for a screen, and what later work has to read
THUMBNAIL_EDGES = (480, 960)  # pixels: a card on the front page, and the same on a fine screen
SIDE_MAX = 30_000  # pixels: one side alone, for pictures of 1 x 40,000,000
QUALITY = 85
PAPER = (255, 253, 248)  # behind transparent pixels
MEGA = 1_000_000
ORIENTATION = 0x0112  # the EXIF tag for how the camera was held, and what undoes it
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow was seen to raise on thousands of files with a few bytes changed.
DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, struct.error, MemoryError)


class BadPicture(Exception):
    """An upload that is not taken; its text is for the visitor."""


@dataclass(frozen=True)
class CleanPicture:
    """A JPEG of ours: upright, in sRGB, without any data about where and with what it was made."""

    data: bytes
    width: int
    height: int


def clean_picture(stream: BinaryIO, filename: str, *, max_megapixels: int) -> CleanPicture:
    """The upload as a picture of ours.

    Raises:
        BadPicture: not a picture, one of a kind we do not take, broken off, or far too many pixels.
    """
    if PurePath(filename).suffix.lower() not in EXTENSIONS:
        raise BadPicture("A picture's name ends in .jpg, .png, .webp or .gif; this one's does not.")
    with _opened(stream) as image:
        if image.width * image.height > max_megapixels * MEGA or max(image.size) > SIDE_MAX:
            raise BadPicture(
                f"This picture has {image.width} × {image.height} pixels, which is more than the "
                f"{max_megapixels} megapixels we can unpack. A smaller one is welcome."
            )
        # A JPEG can be unpacked at a half, a quarter or an eighth: less memory for large ones.
        image.draft("RGB", (STORED_EDGE, STORED_EDGE))
        image.load()
        upright = _upright(image)
        upright.thumbnail((STORED_EDGE, STORED_EDGE), Image.Resampling.LANCZOS)
        drawn = _on_paper(_in_srgb(upright))
    return CleanPicture(_as_jpeg(drawn), drawn.width, drawn.height)


def make_thumbnails(data: bytes) -> dict[int, bytes]:
    """Smaller JPEGs of a stored picture, by the longest edge they may have.

    Raises:
        BadPicture: the stored file is no longer a picture.
    """
    with _opened(io.BytesIO(data)) as image:
        image.draft("RGB", (max(THUMBNAIL_EDGES), max(THUMBNAIL_EDGES)))
        image.load()
        made = {}
        for edge in sorted(THUMBNAIL_EDGES, reverse=True):
            image.thumbnail((edge, edge), Image.Resampling.LANCZOS)
            made[edge] = _as_jpeg(image)
    return made


@contextmanager
def _opened(stream: BinaryIO) -> Iterator[Image.Image]:
    """The picture in this stream; whatever a decoder says against it becomes a BadPicture."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of bombs and of odd metadata; the size is judged by ours, above.
            warnings.simplefilter("ignore")
            with Image.open(stream, formats=FORMATS) as image:
                yield image
    except UnidentifiedImageError as error:
        raise BadPicture(
            "This is not a picture we can read. We take JPEG, PNG, WebP and GIF."
        ) from error
    except Image.DecompressionBombError as error:
        raise BadPicture(
            "This picture unpacks to far more pixels than we can take. A smaller one is welcome."
        ) from error
    except DAMAGE as error:
        raise BadPicture(
            "This picture is damaged or was not sent to its end. Please try it once more."
        ) from error


def _upright(image: Image.Image) -> Image.Image:
    """As the camera was held. Pillow's own turn writes the metadata anew and stumbles over it."""
    try:
        turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    except DAMAGE:  # a good picture with bad notes is still a good picture
        return image
    return image if turn is None else image.transpose(turn)


def _in_srgb(image: Image.Image) -> Image.Image:
    """Colours as every screen shows them; a broken colour profile is left out of account."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "L", "CMYK"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, srgb, outputMode="RGB") or image
    except (ImageCms.PyCMSError, *DAMAGE):
        return image


def _on_paper(image: Image.Image) -> Image.Image:
    """A picture without transparency, which JPEG does not have."""
    if image.mode.startswith("I"):  # 16 bits of grey, which a plain conversion makes all white
        image = image.convert("I").point(lambda grey: grey * (1 / 256)).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    paper = Image.new("RGB", layer.size, PAPER)
    paper.paste(layer, mask=layer)
    return paper


def _as_jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    bare = Image.new("RGB", image.size)
    bare.paste(image.convert("RGB"))  # pixels only: an image in memory carries its file's metadata
    bare.save(out, "JPEG", quality=QUALITY, progressive=True)
    return out.getvalue()
