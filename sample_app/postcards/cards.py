"""Cards: left by visitors, listed newest first, taken away by whoever runs the site."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from .cache import cache
from .logs import request_id
from .media import media
from .models import Card, Picture, db, make_token
from .outbox import hand_over, owe_thumbnails
from .pictures import CleanPicture


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A card as it was sent, checked. ``once`` is the same when a visitor clicks twice."""

    name: str
    text: str
    once: str | None = None
    picture: CleanPicture | None = None
    alt: str = ""


@dataclass(frozen=True)
class Page:
    """Some cards, and the id below which the next page begins, if there is one."""

    cards: Sequence[Card]
    older: int | None


def leave_card(draft: Draft) -> Card:
    """Keep a card. When this returns, card, picture and errand are on the disk, Redis or not.

    Raises:
        OSError: the picture could not be stored.
        sqlalchemy.exc.SQLAlchemyError: the database is away. Nothing was kept then.
    """
    card = Card(name=draft.name, text=draft.text, once=draft.once)
    db.session.add(card)
    if draft.picture is None:
        return _commit(card)
    picture = draft.picture
    token = make_token()
    # The file first: a row whose file is missing would be a promise broken by a power cut.
    media().write(picture.data, token)
    card.picture = Picture(token=token, alt=draft.alt, width=picture.width, height=picture.height)
    errand = owe_thumbnails(card.picture, request_id())
    # Where this fails the file stays, for `flask media tidy`: a commit whose answer was lost on the
    # way may have come through, and then the card needs its picture.
    kept = _commit(card)
    if kept is card:
        hand_over(errand)
    else:
        media().remove(token)
    return kept


def _commit(card: Card) -> Card:
    """The card, or the one that the same form left a moment ago."""
    once = card.once
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        earlier = db.session.scalar(select(Card).where(Card.once == once)) if once else None
        if earlier is None:
            raise
        return earlier
    cache().forget_pages()
    return card


def list_cards(count: int, before: int | None = None) -> Page:
    query = select(Card).order_by(Card.id.desc()).limit(count + 1)
    if before is not None:
        query = query.where(Card.id < before)
    found = db.session.scalars(query).all()
    return Page(found[:count], found[count - 1].id if len(found) > count else None)


def find_card(token: str) -> Card | None:
    return db.session.scalar(select(Card).where(Card.token == token))


def take_away(card: Card) -> None:
    """Remove a card with everything that belongs to it."""
    token = card.picture.token if card.picture else None
    db.session.delete(card)
    db.session.commit()
    if token:
        media().remove(token)
    cache().forget_pages()
