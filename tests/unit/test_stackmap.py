"""The map of the stack: one layer lit, as a picture and as a line of text."""

from xml.etree import ElementTree

import pytest

from stackwalk.stackmap import LAYER_KEYS, alt_text, layer_of, line_of_red, line_of_text, render_svg

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("key", LAYER_KEYS)
def test_picture_lights_one_layer_and_says_which(key):
    picture = ElementTree.fromstring(render_svg(key))

    lit = [shape for shape in picture.iter(f"{SVG}rect") if "sm-lit" in shape.get("class")]
    words = ["".join(text.itertext()) for text in picture.iter(f"{SVG}text")]
    assert len(lit) == 1
    assert words.count("this chapter") == 1
    assert layer_of(key).name in words
    assert picture.find(f"{SVG}title").text == alt_text(key)


def test_picture_has_no_blank_line_so_that_markdown_keeps_it_whole():
    assert "\n\n" not in render_svg("server")


def test_line_of_text_brackets_the_lit_layer():
    assert line_of_text("server") == (
        "client → internet → [server] → web server → WSGI server → framework"
        " → database · cache · queue"
    )


def test_unknown_layer_is_refused():
    with pytest.raises(KeyError):
        render_svg("cloud")


@pytest.mark.parametrize("key", LAYER_KEYS)
def test_layer_that_turned_red_is_framed_and_said(key):
    picture = ElementTree.fromstring(render_svg("server", red=frozenset({key})))

    frames = [shape for shape in picture.iter(f"{SVG}rect") if shape.get("stroke") == "#d2463c"]
    words = ["".join(text.itertext()) for text in picture.iter(f"{SVG}text")]
    assert len(frames) == 1
    assert len([word for word in words if word.startswith("✘")]) == 1


def test_line_of_red_names_the_layers():
    assert line_of_red(frozenset({"server", "cache"})).startswith(
        "client → internet → server ✘ red"
    )
    assert "cache ✘ red" in line_of_red(frozenset({"cache"}))
