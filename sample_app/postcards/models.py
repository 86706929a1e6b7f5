"""The tables: cards, their pictures, and the work that is still owed to them."""

import secrets
from datetime import UTC, datetime

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import CheckConstraint, DateTime, ForeignKey, MetaData, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

TOKEN_LENGTH = 32  # hexadecimal digits, 128 bits: not to be guessed, safe in a path and in a URL
NAME_MAX = 60
TEXT_MAX = 800
ALT_MAX = 200
PICTURE_STATES = ("waiting", "ready", "failed")


class Base(DeclarativeBase):
    # Constraints have names of their own, or a migration could not take one away again.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(metadata=Base.metadata)


def make_token() -> str:
    return secrets.token_hex(TOKEN_LENGTH // 2)


def now() -> datetime:
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite forgets the zone, so it is taken off before and put on after."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class Card(Base):
    """What a visitor left. ``token`` is its address; ``once`` makes two clicks one card."""

    __tablename__ = "cards"

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(TOKEN_LENGTH), unique=True, default=make_token)
    once: Mapped[str | None] = mapped_column(String(TOKEN_LENGTH), unique=True)
    name: Mapped[str] = mapped_column(String(NAME_MAX))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    picture: Mapped["Picture | None"] = relationship(
        back_populates="card", cascade="all, delete-orphan", lazy="joined"
    )


class Picture(Base):
    """A stored picture and how far its thumbnails are. ``width`` and ``height`` are in pixels."""

    __tablename__ = "pictures"
    __table_args__ = (CheckConstraint("state IN ('waiting', 'ready', 'failed')", name="state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    card_id: Mapped[int] = mapped_column(ForeignKey("cards.id", ondelete="CASCADE"), unique=True)
    token: Mapped[str] = mapped_column(String(TOKEN_LENGTH), unique=True)
    alt: Mapped[str] = mapped_column(String(ALT_MAX), default="", server_default="")
    width: Mapped[int]
    height: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), default="waiting")

    card: Mapped[Card] = relationship(back_populates="picture")


class Errand(Base):
    """A line of the outbox: thumbnails that are owed, written with the card in one transaction.

    The row goes when the work is done, not when it was handed to the queue: what Redis loses is
    still known here. ``due_at`` is when it is to be handed over (again).
    """

    __tablename__ = "errands"

    id: Mapped[int] = mapped_column(primary_key=True)
    picture_id: Mapped[int] = mapped_column(
        ForeignKey("pictures.id", ondelete="CASCADE"), unique=True
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    given_up_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(String(200))
    request_id: Mapped[str | None] = mapped_column(String(64))

    picture: Mapped[Picture] = relationship(lazy="joined")
