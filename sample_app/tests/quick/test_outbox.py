"""Thumbnails: owed with the card, made by a worker, in the end, once."""

import os
from datetime import timedelta
from pathlib import Path

import fakeredis
import pytest

from postcards.cards import find_card, take_away
from postcards.jobs import make_worker, queue, queue_figures
from postcards.media import media
from postcards.models import Card, Errand, Picture, db, now
from postcards.outbox import ATTEMPTS_MAX, BACKOFF_S, LEASE_S, outbox_figures
from postcards.tasks import run_errand


@pytest.fixture
def flask(app):
    """A command of the app: ``flask("outbox", "drain")`` gives what it printed."""

    def run(*words: str) -> str:
        result = app.test_cli_runner().invoke(args=words)
        db.session.rollback()
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


@pytest.fixture
def work(server):
    def burst() -> None:
        make_worker(fakeredis.FakeRedis(server=server), forking=False).work(burst=True)
        db.session.rollback()

    return burst


@pytest.fixture
def leave(post, picture):
    def one() -> Picture:
        assert post(picture=("a.jpg", picture())).status_code == 303
        return db.session.scalars(db.select(Picture).order_by(Picture.id.desc())).first()

    return one


def errands():
    db.session.expire_all()
    return list(db.session.scalars(db.select(Errand).order_by(Errand.id)))


def let_time_pass(seconds: int) -> None:
    for errand in errands():
        errand.due_at -= timedelta(seconds=seconds)
    db.session.commit()


def seconds_until(moment) -> float:
    return (moment - now()).total_seconds()


def test_worker_makes_what_the_card_is_owed(client, leave, work):
    stored = leave()
    path = f"/cards/{stored.card.token}"
    before = client.get(path).text
    wall_before = client.get("/").text

    work()

    assert "is being developed" in before
    assert "is being developed" in wall_before
    assert errands() == []
    assert f"{stored.token}-960.jpg" in client.get(path).text
    assert f"{stored.token}-480.jpg" in client.get("/").text
    assert media().path(stored.token, 480).is_file()


def test_card_is_taken_without_redis_and_its_thumbnails_come_later(server, leave, work, flask):
    server.connected = False
    stored = leave()
    assert flask("outbox", "drain") == "0 handed over, Redis is away: 1 kept for later\n"

    server.connected = True
    assert flask("outbox", "drain") == "1 handed over\n"
    work()

    assert stored.state == "ready"
    assert errands() == []


def test_what_redis_lost_is_handed_over_again_when_its_lease_has_run_out(leave, work, flask):
    stored = leave()
    queue().connection.flushall()
    assert flask("outbox", "drain") == "0 handed over\n"

    let_time_pass(LEASE_S)
    assert flask("outbox", "drain") == "1 handed over\n"
    work()

    assert stored.state == "ready"


def test_lease_and_pause_can_be_ended_by_hand(leave, work, flask):
    stored = leave()
    queue().connection.flushall()

    assert flask("outbox", "drain", "--now") == "1 handed over\n"
    work()

    assert stored.state == "ready"


def test_worker_without_redis_says_so_and_stops(app, server):
    server.connected = False

    result = app.test_cli_runner().invoke(args=["worker"])

    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)


def test_draining_again_does_not_fill_the_queue(leave, flask):
    leave()
    for _ in range(3):
        let_time_pass(LEASE_S)
        flask("outbox", "drain")

    assert queue_figures()["queued"] == 1


def test_errand_that_waits_in_the_queue_keeps_its_place(leave, flask):
    leave()
    leave()
    first, second = errands()
    first.due_at = now()
    db.session.commit()

    flask("outbox", "drain")

    assert queue().job_ids == [f"errand-{first.id}", f"errand-{second.id}"]


def test_errand_run_twice_has_the_same_result(leave):
    stored = leave()
    (errand,) = errands()
    errand_id = errand.id

    assert run_errand(errand_id) == "ready"
    assert run_errand(errand_id) == "nothing to do"
    assert stored.state == "ready"


def test_failing_errand_is_tried_again_after_ever_longer_whiles_and_then_given_up(leave):
    stored = leave()
    media().path(stored.token).unlink()
    (errand,) = errands()

    for wait_s in BACKOFF_S:
        with pytest.raises(FileNotFoundError):
            run_errand(errand.id)
        assert wait_s - 5 < seconds_until(errand.due_at) <= wait_s
        assert errand.last_error.startswith("FileNotFoundError: ")
    with pytest.raises(FileNotFoundError):
        run_errand(errand.id)

    assert errand.attempts == ATTEMPTS_MAX
    assert errand.given_up_at is not None
    assert stored.state == "failed"


def test_poisoned_picture_is_given_up_and_the_rest_goes_on(client, leave, work):
    first, poisoned, third = leave(), leave(), leave()
    media().path(poisoned.token).write_bytes(b"\xff\xd8\xff\xe0 no picture any more")

    work()

    assert [first.state, poisoned.state, third.state] == ["ready", "failed", "ready"]
    (errand,) = errands()
    assert errand.last_error.startswith("This picture is damaged")
    assert "could not be developed" in client.get("/").text
    assert "could not be developed" in client.get(f"/cards/{poisoned.card.token}").text


def test_errand_whose_every_try_was_killed_is_given_up(leave):
    leave()
    (errand,) = errands()
    errand.attempts = ATTEMPTS_MAX  # counted before each try, and no try came back
    db.session.commit()

    assert run_errand(errand.id) == "nothing to do"
    assert "every try ended without a word" in errand.last_error


def test_given_up_errand_is_listed_and_can_be_tried_again(leave, work, flask):
    stored = leave()
    good = media().read(stored.token)
    media().path(stored.token).write_bytes(b"no picture")
    work()
    assert "1 tries  given up  This is not a picture" in flask("outbox", "list")
    assert outbox_figures() == {"owed": 0, "due": 0, "given_up": 1}

    media().write(good, stored.token)
    assert flask("outbox", "retry") == "1 will be tried again\n"
    assert "0 tries  due" in flask("outbox", "list")
    flask("outbox", "drain")
    work()

    assert stored.state == "ready"


def test_outbox_can_be_worked_off_without_any_queue(server, leave, flask):
    server.connected = False
    first, second = leave(), leave()
    media().path(first.token).unlink()

    assert flask("outbox", "drain", "--here") == "1 worked off, 1 failed\n"
    assert [first.state, second.state] == ["waiting", "ready"]


def test_card_taken_away_while_its_errand_waits_leaves_nothing(leave, flask, work, environ):
    stored = leave()

    assert "is gone" in flask("cards", "delete", stored.card.token)
    work()

    assert errands() == []
    assert list(Path(environ["MEDIA_FOLDER"]).rglob("*.jpg")) == []


def test_card_taken_away_while_its_picture_is_drawn_leaves_nothing(leave, environ, monkeypatch):
    stored = leave()
    token = stored.card.token
    (errand,) = errands()
    errand_id = errand.id

    def drawn_too_late(data: bytes) -> dict[int, bytes]:
        take_away(find_card(token))
        return {480: b"late"}

    monkeypatch.setattr("postcards.tasks.make_thumbnails", drawn_too_late)

    assert run_errand(errand_id) == "card is gone"
    assert list(Path(environ["MEDIA_FOLDER"]).rglob("*.jpg")) == []


def test_jobs_are_json_and_never_pickle(leave):
    leave()

    (job,) = queue().jobs
    assert job.data.startswith(b"[")


def test_figures_say_what_waits_where(server, leave, flask):
    leave()
    assert '"owed": 1, "due": 0, "given_up": 0, "queued": 1' in flask("queue")

    server.connected = False
    assert flask("queue") == ('{"owed": 1, "due": 0, "given_up": 0, "redis": "ConnectionError"}\n')


def test_cards_of_nobody_are_listed(app, flask):
    assert flask("cards", "sample", "--count", "2") == "2 cards left\n"

    assert flask("cards", "list").count(" UTC  ") == 2
    assert db.session.scalar(db.select(db.func.count()).select_from(Card)) == 2


def test_deleting_an_unknown_card_says_where_to_look(app):
    result = app.test_cli_runner().invoke(args=["cards", "delete", "none"])

    assert result.exit_code == 1
    assert "there is no card none; see: flask cards list" in result.output


def test_pictures_of_no_card_are_found_and_removed(leave, flask):
    stored = leave()
    media().write(b"left over", "ab" * 16)
    media().write(b"being sent now", "cd" * 16)
    os.utime(media().path("ab" * 16), (0, 0))
    os.utime(media().path(stored.token), (0, 0))

    assert flask("media", "tidy") == f"belongs to no card: {'ab' * 16}\n1 of 3\n"
    assert "removed" in flask("media", "tidy", "--delete")
    assert not media().path("ab" * 16).exists()
    assert media().path("cd" * 16).exists()
    assert media().path(stored.token).exists()
