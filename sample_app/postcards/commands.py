"""``flask …``: the worker, the outbox, static files, and looking after cards and pictures."""

import json
import time

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from redis.exceptions import RedisError
from sqlalchemy import select

from .assets import assets
from .cache import connect_redis
from .cards import find_card, list_cards, take_away
from .jobs import make_worker, queue_figures
from .media import media
from .models import Errand, Picture, db
from .outbox import drain_outbox, due_errands, make_all_due, outbox_figures, retry_given_up
from .samples import leave_samples
from .tasks import run_errand

ORPHAN_AGE_S = 24 * 3600  # a younger file may belong to a card that is being sent

outbox = AppGroup("outbox", help="Thumbnails that are owed.")
cards = AppGroup("cards", help="Look after the wall.")
pictures = AppGroup("media", help="Look after the folder of pictures.")


def init_commands(app: Flask) -> None:
    for command in (worker, collect, figures, outbox, cards, pictures):
        app.cli.add_command(command)


@click.command("worker")
@click.option("--burst", is_flag=True, help="Stop when the queue is empty.")
@with_appcontext
def worker(burst: bool) -> None:
    """Make thumbnails, until told to stop (SIGTERM finishes the picture at hand)."""
    client = connect_redis(current_app.config["REDIS_URL"], patient=True)
    db.engine.dispose()  # each job runs in a child; none may inherit a connection
    try:
        make_worker(client).work(burst=burst)
    except RedisError as error:
        current_app.logger.error("worker_without_redis", extra={"error": type(error).__name__})
        raise SystemExit(1) from None  # whoever keeps it running starts it again


@click.command("assets")
@with_appcontext
def collect() -> None:
    """Copy the static files, under their hashed names, to STATIC_FOLDER."""
    if assets().target is None:
        raise click.UsageError("STATIC_FOLDER is not set: the app gives the files out itself.")
    written = assets().collect()
    click.echo(f"{len(written)} written, {len(assets().names) - len(written)} were there.")


@click.command("queue")
@with_appcontext
def figures() -> None:
    """Figures of outbox and queue, as one line of JSON."""
    found: dict[str, object] = {**outbox_figures()}
    try:
        found |= queue_figures()
    except RedisError as error:
        found["redis"] = type(error).__name__
    click.echo(json.dumps(found))


@outbox.command("drain")
@click.option("--here", is_flag=True, help="Do the work in this process, without Redis.")
@click.option("--now", "is_now", is_flag=True, help="Also what is to wait, or is being done.")
@click.option("--every", type=click.IntRange(1), metavar="SECONDS", help="Again and again.")
@with_appcontext
def drain(here: bool, is_now: bool, every: int | None) -> None:
    """Hand what is due to the queue (or do it here). Safe to run at any time, twice too."""
    while True:
        if is_now:
            make_all_due()
        click.echo(_work_off() if here else _hand_over())
        if every is None:
            return
        db.session.remove()
        time.sleep(every)


def _hand_over() -> str:
    done = drain_outbox()
    rest = f", Redis is away: {done.waiting} kept for later" if done.is_redis_away else ""
    return f"{done.handed} handed over{rest}"


def _work_off() -> str:
    ids = [(errand.id, errand.request_id) for errand in due_errands()]
    failed = 0
    for errand_id, request_id in ids:
        try:
            run_errand(errand_id, request_id)
        except OSError as error:  # noted with the errand; the next one may go well
            failed += 1
            current_app.logger.warning("errand_failed", extra={"error": str(error)})
    return f"{len(ids) - failed} worked off, {failed} failed"


@outbox.command("list")
@with_appcontext
def list_outbox() -> None:
    """Every errand that is not done: its tries, and what went wrong last."""
    for errand in db.session.scalars(select(Errand).order_by(Errand.id)):
        state = "given up" if errand.given_up_at else f"due {errand.due_at:%H:%M:%S} UTC"
        click.echo(f"{errand.id}  {errand.attempts} tries  {state}  {errand.last_error or '-'}")


@outbox.command("retry")
@with_appcontext
def retry() -> None:
    """Give what was given up all its tries again."""
    click.echo(f"{retry_given_up()} will be tried again")


@cards.command("list")
@click.option("--count", default=20, show_default=True)
@with_appcontext
def list_newest(count: int) -> None:
    """The newest cards: address, moment, name."""
    for card in list_cards(count).cards:
        click.echo(f"{card.token}  {card.created_at:%Y-%m-%d %H:%M} UTC  {card.name}")


@cards.command("delete")
@click.argument("token")
@with_appcontext
def delete(token: str) -> None:
    """Take a card away, its pictures too."""
    card = find_card(token)
    if card is None:
        raise click.ClickException(f"there is no card {token}; see: flask cards list")
    take_away(card)
    click.echo(f"card {token} is gone")


@cards.command("sample")
@click.option("--count", default=12, show_default=True)
@with_appcontext
def sample(count: int) -> None:
    """Leave cards by invented people with pictures drawn on the spot."""
    click.echo(f"{leave_samples(count)} cards left")


@pictures.command("tidy")
@click.option("--delete", "is_real", is_flag=True, help="Really remove them.")
@with_appcontext
def tidy(is_real: bool) -> None:
    """Pictures that belong to no card, as an interrupted upload may leave one."""
    known = set(db.session.scalars(select(Picture.token)))
    old = time.time() - ORPHAN_AGE_S
    orphans = [token for token, at in media().tokens().items() if token not in known and at < old]
    for token in orphans:
        if is_real:
            media().remove(token)
        click.echo(f"{'removed' if is_real else 'belongs to no card'}: {token}")
    click.echo(f"{len(orphans)} of {len(media().tokens())}")
