"""What a visitor can do: look, leave a card, look at it."""

import io
import re

import pytest

from postcards.models import Card, Errand, db


def cards():
    return list(db.session.scalars(db.select(Card).order_by(Card.id)))


def test_empty_wall_invites_the_first(client):
    page = client.get("/")

    assert page.status_code == 200
    assert "Nobody has left a card yet." in page.text


def test_card_is_kept_and_shown_with_thanks(client, post):
    answer = post(name="  Ada \t Lovelace ", text="First line\r\n\r\n\r\n\r\nlast\x00 line")

    (card,) = cards()
    assert answer.status_code == 303
    assert answer.location == f"/cards/{card.token}"
    assert (card.name, card.text) == ("Ada Lovelace", "First line\n\nlast line")
    page = client.get(answer.location).text
    assert "Thank you! Your card is on the wall." in page
    assert "Thank you!" not in client.get(answer.location).text
    assert "Ada Lovelace" in client.get("/").text


def test_words_of_a_visitor_are_never_markup(client, post):
    post(name="<b>Bo</b>", text="<script>alert(1)</script>")

    page = client.get("/").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "&lt;b&gt;Bo" in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"name": " "}, "Please leave a name; any will do.", id="no-name"),
        pytest.param({"text": "\n\n"}, "A card wants a few words.", id="no-text"),
        pytest.param({"name": "x" * 61}, "A name has 60 characters at most.", id="long-name"),
        pytest.param({"text": "x" * 801}, "There is room for 800 characters.", id="long-text"),
        pytest.param({"alt": "x" * 201}, "200 characters at most.", id="long-alt"),
    ],
)
def test_form_that_does_not_fit_comes_back_with_its_words(post, fields, said):
    answer = post(**({"name": "Ada", "text": "Kept words"} | fields))

    assert answer.status_code == 422
    assert said in answer.text
    assert "Something is missing or does not fit." in answer.text
    assert cards() == []


def test_form_without_its_token_keeps_no_card_but_the_words(client):
    answer = client.post("/new", data={"name": "Ada", "text": "Long thought about"})

    assert answer.status_code == 400
    assert "The form was open for too long" in answer.text
    assert "Long thought about" in answer.text
    assert cards() == []


def test_form_sent_twice_leaves_one_card(post, picture):
    once = "0123456789abcdef" * 2
    first = post(picture=("a.jpg", picture()), once=once)
    second = post(picture=("a.jpg", picture()), once=once)

    assert second.status_code == 303
    assert second.location == first.location
    assert len(cards()) == 1
    assert db.session.scalar(db.select(db.func.count()).select_from(Errand)) == 1


def test_wall_goes_on_over_pages_newest_first(client, post):
    for number in range(1, 8):
        post(text=f"card number {number}")

    first = client.get("/")
    older = re.search(r'href="(/\?before=\d+)"', first.text)[1]
    second = client.get(older)

    assert re.findall(r"card number (\d)", first.text) == ["7", "6", "5"]
    assert re.findall(r"card number (\d)", second.text) == ["4", "3", "2"]
    assert "Older cards" in second.text


@pytest.mark.parametrize(
    "path",
    ["/cards/0", "/?before=0", "/?before=99999999999999999999", "/static/x.css", "/media/etc"],
)
def test_what_is_not_there_is_said_on_a_page_of_ours(client, path):
    answer = client.get(path)

    assert answer.status_code == 404
    assert "No card here" in answer.text
    assert answer.headers["X-Request-ID"] in answer.text


def test_other_methods_are_refused(client):
    assert client.put("/new").status_code == 405


def test_form_has_a_label_for_everything_a_visitor_fills_in(client):
    page = client.get("/new").text

    wanted = set(re.findall(r'<(?:input|textarea) id="(\w+)" name="\w+"', page))
    shown = wanted - {"csrf_token", "once"}
    assert shown == {"name", "text", "picture", "alt"}
    assert shown <= set(re.findall(r'<label for="(\w+)"', page))


def test_pages_forbid_scripts_and_styles_within_them(client, post, picture):
    post(picture=("a.png", picture(kind="PNG")))
    for path in ("/", "/new", f"/cards/{cards()[0].token}", "/cards/0"):
        answer = client.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not re.search(r"<style|<script>|\sstyle=|\son\w+=|https?://", answer.text)


def test_cookie_is_secure_where_the_visitor_came_by_https(client):
    plain = client.get("/new").headers["Set-Cookie"]
    client.delete_cookie("postcards")
    tls = client.get("/new", base_url="https://localhost").headers["Set-Cookie"]

    assert "Secure" not in plain
    assert "Secure" in tls
    for cookie in (plain, tls):
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie


def test_front_page_sets_no_cookie(client):
    assert "Set-Cookie" not in client.get("/").headers


def test_database_that_is_away_is_said_and_the_words_come_back(client, post, app):
    client.get("/")
    with db.engine.connect() as connection:
        connection.exec_driver_sql("DROP TABLE errands")
        connection.exec_driver_sql("ALTER TABLE cards RENAME TO gone")

    answer = post(text="Words of an afternoon")
    card = client.get("/cards/0")

    assert answer.status_code == card.status_code == 503
    assert "could not be kept just now" in answer.text
    assert "Words of an afternoon" in answer.text
    assert "The card box is shut for a moment" in card.text
    assert card.headers["Retry-After"] == answer.headers["Retry-After"] == "10"


def test_upload_over_the_limit_is_refused_after_it_was_read(client, app):
    body = io.BytesIO(b"x" * 1_200_000)
    kind = "multipart/form-data; boundary=x"

    answer = client.post("/new", input_stream=body, content_length=1_200_000, content_type=kind)

    assert body.read() == b""
    assert answer.status_code == 413
    assert "Too large to post" in answer.text
    assert "1 MB is the most we take." in answer.text
    assert cards() == []
