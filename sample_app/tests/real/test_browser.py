"""A visitor with a real browser: wide and on a phone, by light and in the dark."""

import re

import pytest
from PIL import Image

pytestmark = pytest.mark.machine

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LIMIT_MS = 60_000


@pytest.fixture
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "holiday.jpg"
    image = Image.new("RGB", (1600, 1200), "steelblue")
    image.paste("wheat", (0, 800, 1600, 1200))
    image.save(path)
    return path


def contrast(page, selector: str) -> float:
    """How much a text stands out from what is behind it, by WCAG 2: from 1 to 21."""
    script = """element => {
        let behind = element;
        const clear = "rgba(0, 0, 0, 0)";
        while (getComputedStyle(behind).backgroundColor === clear) behind = behind.parentElement;
        return [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor];
    }"""
    colours = page.locator(selector).first.evaluate(script)
    light, dark = sorted((luminance(colour) for colour in colours), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    shares = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [s / 12.92 if s <= 0.03928 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("width", "scheme"),
    [pytest.param(1280, "light", id="wide-light"), pytest.param(390, "dark", id="phone-dark")],
)
def test_visitor_leaves_a_card_with_a_picture_and_sees_its_thumbnail(
    site, browser, photo, width, scheme
):
    site.start_worker()
    context = browser.new_context(
        viewport={"width": width, "height": 840}, color_scheme=scheme, base_url=site.address
    )
    context.set_default_timeout(LIMIT_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def look_at(*texts: str) -> None:
        """No sideways scrolling, and text that can be read."""
        assert page.evaluate("document.documentElement.scrollWidth") == width
        for text in texts:
            assert contrast(page, text) >= 4.5, text

    page.goto("/")
    look_at("h1", ".lead", ".button", "footer", ".empty p")
    page.get_by_role("link", name="Leave a card").click()
    page.get_by_label("Your name").fill("Ines")
    page.get_by_label("Your words").fill("The light here is like nowhere else.")
    page.get_by_label("A picture").set_input_files(photo)
    page.get_by_label("What the picture shows").fill("Blue sky over a field of wheat")
    preview = page.get_by_alt_text("The picture you chose")
    preview.wait_for()
    look_at("h1", "label", ".hint", ".button", "#text")
    page.get_by_role("button", name="Post it").click()

    page.get_by_role("status").get_by_text("Thank you!").wait_for()
    # No reload: the page looks again by itself until the worker is done.
    picture = page.get_by_alt_text("Blue sky over a field of wheat")
    picture.wait_for()
    page.wait_for_function("image => image.naturalWidth > 0", arg=picture.element_handle())
    assert picture.get_attribute("src").endswith("-960.jpg")
    look_at("h1", ".text", ".date", ".note")

    page.get_by_role("link", name="All cards").click()
    thumbnail = page.get_by_alt_text("Blue sky over a field of wheat")
    thumbnail.wait_for()
    page.wait_for_function("image => image.naturalWidth > 0", arg=thumbnail.element_handle())
    box = thumbnail.bounding_box()
    assert box["width"] / box["height"] == pytest.approx(1.5, abs=0.05)
    look_at("h1", ".card .text", ".from a", ".from time")
    assert complaints == []
    context.close()


def test_visitor_without_a_mouse_leaves_a_card(site, browser):
    page = browser.new_page(base_url=site.address)
    page.set_default_timeout(LIMIT_MS)
    page.goto("/new")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.get_by_label("Your name").focus()
    page.keyboard.type("Bo")
    page.keyboard.press("Tab")
    page.keyboard.type("Typed, tabbed and sent.")
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")

    page.get_by_role("status").get_by_text("Thank you!").wait_for()
    assert page.get_by_text("Typed, tabbed and sent.").is_visible()
    page.close()


def test_bad_picture_is_refused_in_words_and_what_was_typed_stays(site, browser, tmp_path):
    page = browser.new_page(base_url=site.address)
    page.set_default_timeout(LIMIT_MS)
    fake = tmp_path / "evil.jpg"
    fake.write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    page.goto("/new")
    page.get_by_label("Your name").fill("Mallory")
    page.get_by_label("Your words").fill("Not lost")
    page.get_by_label("A picture").set_input_files(fake)
    page.get_by_role("button", name="Post it").click()

    page.get_by_text("This is not a picture we can read.").wait_for()
    assert page.get_by_label("Your words").input_value() == "Not lost"
    assert page.get_by_label("A picture").get_attribute("aria-invalid") == "true"
    page.close()


def test_too_large_a_picture_is_said_before_it_is_sent(site, browser, tmp_path):
    page = browser.new_page(base_url=site.address)
    page.set_default_timeout(LIMIT_MS)
    large = tmp_path / "big.jpg"
    large.write_bytes(b"x" * 9_000_000)
    page.goto("/new")

    page.get_by_label("A picture").set_input_files(large)

    page.get_by_text("This picture has 8.6 MB; we take 8 MB at most.").wait_for()
    page.close()
