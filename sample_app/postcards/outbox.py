"""Work that is owed, kept in the database until it is done.

A card and its errand are committed together, so neither is without the other. The queue in Redis is
only the quick way to a worker: what it loses, or never got, is handed over again from here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask import current_app
from redis.exceptions import RedisError
from sqlalchemy import func, select, update

from .cache import cache
from .jobs import enqueue_errand
from .models import Errand, Picture, db, now

LEASE_S = 120  # after this without a result, whoever had the errand is taken for dead
BACKOFF_S = (10, 60, 300, 1800)  # seconds until the next try, after the first, second, ...
ATTEMPTS_MAX = len(BACKOFF_S) + 1
BATCH = 100
REASON_MAX = 200  # characters, as the column has


@dataclass(frozen=True)
class Drained:
    """What one draining did. ``is_redis_away`` says that the rest waits for the next one."""

    handed: int
    waiting: int
    is_redis_away: bool


def owe_thumbnails(picture: Picture, request_id: str | None) -> Errand:
    """Write the errand beside its picture; the caller commits both."""
    errand = Errand(picture=picture, request_id=request_id)
    db.session.add(errand)
    return errand


def hand_over(errand: Errand) -> bool:
    """Try to queue one errand now; False when Redis is away, which loses nothing."""
    try:
        enqueue_errand(errand.id, errand.request_id)
    except RedisError as error:
        about = {"errand": errand.id, "error": type(error).__name__}
        current_app.logger.warning("errand_kept_for_later", extra=about)
        return False
    errand.due_at = now() + timedelta(seconds=LEASE_S)
    db.session.commit()
    return True


def drain_outbox(limit: int = BATCH) -> Drained:
    """Queue what is due, oldest first. Twice at once is harmless: jobs may run twice."""
    handed = 0
    errands = due_errands(limit)
    for errand in errands:
        if not hand_over(errand):
            return Drained(handed, len(errands) - handed, is_redis_away=True)
        handed += 1
    return Drained(handed, 0, is_redis_away=False)


def due_errands(limit: int = BATCH) -> Sequence[Errand]:
    query = select(Errand).where(Errand.given_up_at.is_(None), Errand.due_at <= now())
    return db.session.scalars(query.order_by(Errand.due_at, Errand.id).limit(limit)).all()


def make_all_due() -> None:
    """End every pause and every lease, for somebody who knows that nobody is at it."""
    db.session.execute(update(Errand).where(Errand.given_up_at.is_(None)).values(due_at=now()))
    db.session.commit()


def claim(errand_id: int) -> Errand | None:
    """Note the try before it is made, so that one which kills its worker counts as well.

    Returns:
        None when nothing is left to do: done already, given up, or the card is gone.
    """
    errand = db.session.get(Errand, errand_id)
    if errand is None or errand.given_up_at is not None:
        return None
    if errand.attempts >= ATTEMPTS_MAX:
        give_up(errand_id, "every try ended without a word, as when a process is killed")
        return None
    errand.attempts += 1
    errand.due_at = now() + timedelta(seconds=LEASE_S)
    db.session.commit()
    return errand


def postpone(errand_id: int, reason: str) -> None:
    """Try again later, each time after a longer while; give up after the last."""
    errand = db.session.get(Errand, errand_id, populate_existing=True)
    if errand is None:  # its card was taken away meanwhile
        return
    if errand.attempts >= ATTEMPTS_MAX:
        give_up(errand_id, reason)
        return
    wait_s = BACKOFF_S[errand.attempts - 1]
    errand.last_error = reason[:REASON_MAX]
    errand.due_at = now() + timedelta(seconds=wait_s)
    db.session.commit()
    about = {"errand": errand_id, "reason": reason, "wait_s": wait_s}
    current_app.logger.warning("errand_postponed", extra=about)


def give_up(errand_id: int, reason: str) -> None:
    """Stop trying; the row stays for a human (``flask outbox list``, ``flask outbox retry``)."""
    errand = db.session.get(Errand, errand_id, populate_existing=True)
    if errand is None:
        return
    errand.last_error = reason[:REASON_MAX]
    errand.given_up_at = now()
    errand.picture.state = "failed"
    db.session.commit()
    cache().forget_pages()
    about = {"errand": errand_id, "reason": reason}
    current_app.logger.error("errand_given_up", extra=about)


def retry_given_up() -> int:
    """Give every given-up errand all its tries again; says how many."""
    errands = db.session.scalars(select(Errand).where(Errand.given_up_at.is_not(None))).all()
    for errand in errands:
        errand.given_up_at = None
        errand.attempts = 0
        errand.due_at = now()
        errand.picture.state = "waiting"
    db.session.commit()
    return len(errands)


def outbox_figures() -> dict[str, int]:
    """Errands that are owed, those of them that are due, and those given up."""

    def count(*conditions: object) -> int:
        query = select(func.count()).select_from(Errand)
        return db.session.scalar(query.where(*conditions)) or 0  # type: ignore[arg-type]  # columns

    is_open = Errand.given_up_at.is_(None)
    return {
        "owed": count(is_open),
        "due": count(is_open, Errand.due_at <= now()),
        "given_up": count(Errand.given_up_at.is_not(None)),
    }
