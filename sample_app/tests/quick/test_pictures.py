"""Uploads: what is kept of them, and what is not taken."""

import io
import random
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from postcards.models import Card, Picture, db
from postcards.pictures import BadPicture, clean_picture, make_thumbnails

DAMAGED = "This picture is damaged or was not sent to its end. Please try it once more."
NOT_A_PICTURE = "This is not a picture we can read. We take JPEG, PNG, WebP and GIF."
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
ORIENTATION, GPS, MAKER = 0x0112, 0x8825, 0x010F


def cleaned(data: bytes, name: str = "a.jpg", limit: int = 4) -> Image.Image:
    return Image.open(io.BytesIO(clean_picture(io.BytesIO(data), name, max_megapixels=limit).data))


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it has so many pixels, and packs them into very little."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (height * (width // 8 + 1)), 9)
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def with_exif(picture) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # taken with the camera turned: to be shown a quarter turned
    exif[MAKER] = "ACME Phone"
    exif[GPS] = {1: "N", 2: (48.0, 8.0, 12.0)}
    return picture(exif=exif)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_every_kind_we_take_becomes_a_jpeg_of_ours(picture, kind):
    found = cleaned(picture(kind=kind), f"a.{kind.lower()}")

    assert (found.format, found.mode, found.size) == ("JPEG", "RGB", (900, 600))


def test_large_picture_is_stored_as_large_as_a_screen(picture):
    assert cleaned(picture((2400, 1200))).size == (2048, 1024)


def test_location_and_camera_are_gone_and_the_picture_stands_upright(picture):
    data = with_exif(picture)

    found = cleaned(data)

    assert b"ACME" in data
    assert found.size == (600, 900)
    red, _, blue = found.getpixel((300, 50))
    assert red > 200 > 60 > blue  # the red half was on the left and is now on top
    assert dict(found.getexif()) == {}
    jfif = {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert set(found.info) <= jfif | {"progressive", "progression"}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_way_to_hold_a_camera_is_turned_upright(picture, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = picture(exif=exif)
    turned = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))

    found = cleaned(data)

    assert found.size == turned.size
    for at in ((50, 50), (found.width - 50, found.height - 50)):
        assert found.getpixel(at) == pytest.approx(turned.getpixel(at), abs=5)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_damaged_bytes_end_in_a_picture_or_in_words(picture, kind):
    good = with_exif(picture) if kind == "JPEG" else picture((200, 120), kind)
    chance = random.Random(kind)
    for _ in range(60):
        data = bytearray(good)
        for _ in range(chance.choice([1, 3, 20])):
            data[chance.randrange(chance.choice([64, len(data)]))] = chance.randrange(256)
        try:
            assert cleaned(bytes(data)).format == "JPEG"
        except BadPicture:
            continue


def test_sixteen_bits_of_grey_are_not_all_white():
    out = io.BytesIO()
    Image.new("I;16", (40, 40), 0x4000).save(out, "PNG")

    assert cleaned(out.getvalue(), "a.png").getpixel((20, 20)) == pytest.approx((64, 64, 64), abs=3)


def test_comment_and_colour_profile_do_not_come_along(picture):
    data = picture(comment=b"hidden words", icc_profile=b"not a profile")

    stored = clean_picture(io.BytesIO(data), "a.jpg", max_megapixels=4).data

    assert b"hidden words" not in stored
    assert b"not a profile" not in stored


def test_transparent_pixels_become_paper():
    out = io.BytesIO()
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(out, "PNG")

    assert min(cleaned(out.getvalue(), "a.png").getpixel((20, 20))) > 240


def test_script_behind_the_pixels_does_not_come_along(picture):
    data = picture() + b"<?php system($_GET['c']); ?>" + SVG

    stored = clean_picture(io.BytesIO(data), "a.jpg", max_megapixels=4).data

    assert b"php" not in stored
    assert b"script" not in stored


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        pytest.param("a.svg", SVG, "this one's does not.", id="svg"),
        pytest.param("a.jpg", SVG, NOT_A_PICTURE, id="svg-as-jpg"),
        pytest.param("a.png", b"MZ" + b"\0" * 200, NOT_A_PICTURE, id="program"),
        pytest.param("a.jpg", b"", NOT_A_PICTURE, id="empty"),
        pytest.param("a.gif", b"GIF89a", NOT_A_PICTURE, id="only-a-head"),
        pytest.param("a.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n", NOT_A_PICTURE, id="postscript"),
        pytest.param("a.png", png_of(5000, 5000), "more than the 4 megapixels", id="bomb"),
        pytest.param("a.png", png_of(40000, 8), "40000 × 8 pixels", id="endless-line"),
        pytest.param("a.png", png_of(60000, 60000)[:3000], "far more pixels", id="huge-bomb"),
    ],
)
def test_what_is_no_picture_for_us_is_refused_with_the_reason(name, data, said):
    with pytest.raises(BadPicture) as caught:
        clean_picture(io.BytesIO(data), name, max_megapixels=4)

    assert said in str(caught.value)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_picture_that_breaks_off_is_refused(picture, kind):
    data = picture(kind=kind)

    with pytest.raises(BadPicture) as caught:
        clean_picture(io.BytesIO(data[: len(data) * 2 // 3]), "a.jpg", max_megapixels=4)

    assert str(caught.value) == DAMAGED


def test_name_with_another_ending_is_refused_whatever_the_content(picture):
    for name in ("shell.php", "a.jpg.exe", "picture", "a.html"):
        with pytest.raises(BadPicture, match=r"ends in \.jpg"):
            clean_picture(io.BytesIO(picture()), name, max_megapixels=4)


def test_thumbnails_have_two_sizes_and_keep_the_shape(picture):
    made = make_thumbnails(picture((1600, 800)))

    sizes = {edge: Image.open(io.BytesIO(data)).size for edge, data in made.items()}
    assert sizes == {960: (960, 480), 480: (480, 240)}


def test_refused_picture_keeps_the_words_and_leaves_nothing(app, post, environ):
    answer = post(picture=("evil.jpg", SVG), text="Words kept")

    assert answer.status_code == 422
    assert "This is not a picture we can read." in answer.text
    assert "Words kept" in answer.text
    assert list(Path(environ["MEDIA_FOLDER"]).rglob("*")) == []
    assert db.session.scalar(db.select(Card)) is None


def test_stored_picture_has_a_name_nobody_can_guess_and_is_given_out(app, client, post, picture):
    post(picture=("../../etc/passwd.jpg", picture()), alt="Half red, half blue")

    stored = db.session.scalar(db.select(Picture))
    answer = client.get(f"/media/{stored.token[:2]}/{stored.token}.jpg")
    assert len(stored.token) == 32
    assert (stored.width, stored.height, stored.alt) == (900, 600, "Half red, half blue")
    assert answer.status_code == 200
    assert answer.mimetype == "image/jpeg"
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    answer.close()


@pytest.mark.parametrize("name", ["../postcards.db", "ab/../../postcards.db", "ab/x.jpg", ".x"])
def test_nothing_else_is_given_out_of_the_folder(client, name):
    assert client.get(f"/media/{name}").status_code == 404


def test_picture_that_cannot_be_stored_is_said_and_no_card_is_left(app, post, picture, environ):
    folder = Path(environ["MEDIA_FOLDER"])
    folder.rmdir()
    folder.write_text("a file where the folder was")

    answer = post(picture=("a.jpg", picture()))

    assert answer.status_code == 503
    assert "could not be kept just now" in answer.text
    assert db.session.scalar(db.select(Card)) is None
