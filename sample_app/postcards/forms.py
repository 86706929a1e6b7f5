"""The one form: what a visitor may write, and what is made of it."""

import re
import unicodedata

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional, Regexp

from .models import ALT_MAX, NAME_MAX, TEXT_MAX, TOKEN_LENGTH

EXPIRED = (
    "The form was open for too long, or cookies are off. Your words are still here: send again."
)


def one_line(value: str | None) -> str:
    return " ".join(_printable(value or "").split())


def many_lines(value: str | None) -> str:
    """Line ends as ``\\n``, never more than one empty line in a row."""
    lines = (value or "").replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"\n{3,}", "\n\n", _printable(lines)).strip()


def _printable(value: str) -> str:
    """Without control characters: PostgreSQL refuses NUL, and nobody can see the others."""
    return "".join(c for c in value if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))


class CardForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """Name and text are wanted; a picture is welcome, and then a word on what it shows."""

    name = StringField(
        "Your name",
        filters=[one_line],
        validators=[
            DataRequired("Please leave a name; any will do."),
            Length(max=NAME_MAX, message=f"A name has {NAME_MAX} characters at most."),
        ],
    )
    text = TextAreaField(
        "Your words",
        filters=[many_lines],
        validators=[
            DataRequired("A card wants a few words."),
            Length(max=TEXT_MAX, message=f"There is room for {TEXT_MAX} characters."),
        ],
    )
    picture = FileField("A picture")
    alt = StringField(
        "What the picture shows",
        filters=[one_line],
        validators=[Length(max=ALT_MAX, message=f"{ALT_MAX} characters at most.")],
    )
    once = HiddenField(validators=[Optional(), Regexp(rf"[0-9a-f]{{{TOKEN_LENGTH}}}\Z")])

    @property
    def is_expired(self) -> bool:
        return "csrf_token" in self.errors
