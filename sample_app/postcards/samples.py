"""Cards by nobody: to look at, to measure with, and to show without anyone's data."""

import colorsys
import io
import math
import random

from PIL import Image, ImageDraw, ImageFilter

from .cards import Draft, leave_card
from .pictures import clean_picture

SIZE = (1200, 800)
PEOPLE = ("Ada", "Bo", "Chidi", "Dolores", "Emre", "Freya", "Goran", "Hana", "Ines", "Jomo")
LINES = (
    ("The sea is colder than it looks. We went in twice.", "Sea in the evening"),
    ("Found the little station again. The clock still runs four minutes late.", "Hills at dusk"),
    ("It rained for three days and nobody minded.", "Hills in the rain"),
    ("The bakery opens at six. I know this now.", "Morning over hills"),
    (
        "We walked along the ridge until the path ended, then a little further.\n\n"
        "Bring the other shoes next time.",
        "A ridge below a low sun",
    ),
    ("Thinking of you, and of the good coffee.", "Sun over water"),
)


def leave_samples(count: int, seed: int = 7) -> int:
    """So many cards, the same ones for the same seed; about every fifth without a picture."""
    chance = random.Random(seed)
    for number in range(count):
        text, alt = LINES[number % len(LINES)]
        picture = None
        if number % 5 != 3:
            picture = clean_picture(_landscape(chance), "sample.png", max_megapixels=2)
        leave_card(Draft(name=PEOPLE[number % len(PEOPLE)], text=text, picture=picture, alt=alt))
    return count


def _landscape(chance: random.Random) -> io.BytesIO:
    """A sun over ranges of hills that fade into the distance."""
    width, height = SIZE
    hue = chance.random()
    image = Image.new("RGB", SIZE)
    pen = ImageDraw.Draw(image)
    for y in range(height):
        pen.line([(0, y), (width, y)], fill=_colour(hue + 0.1 * y / height, 0.35, 0.95 - y / 4000))
    radius = chance.randint(50, 110)
    x, y = chance.randint(200, width - 200), chance.randint(150, 350)
    pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=(255, 244, 220))
    for layer in range(5):
        base = height * (0.45 + 0.12 * layer)
        swing, phase = chance.uniform(30, 80), chance.uniform(0, 6)
        line = [
            (x, base - swing * math.sin(x / (170 - 18 * layer) + phase) - 14 * math.sin(x / 37))
            for x in range(0, width + 20, 20)
        ]
        fill = _colour(hue + 0.55, 0.25 + 0.08 * layer, 0.75 - 0.13 * layer)
        pen.polygon([(0, height), *line, (width, height)], fill=fill)
    out = io.BytesIO()
    image.filter(ImageFilter.GaussianBlur(1)).save(out, "PNG")
    out.seek(0)
    return out


def _colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)
