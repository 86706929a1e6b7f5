"""What a visitor sees, and what is lost, when a part of it dies: nothing that was answered 303."""

import io
import json
import os
import re
import signal
import threading

import pytest
from PIL import Image
from servers import children, kill_all, wait_for

pytestmark = pytest.mark.machine


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (1200, 800), "seagreen").save(out, "JPEG")
    return out.getvalue()


def hold(site) -> tuple[os.PathLike[str], bytes]:
    """Make the newest picture's file one that keeps its reader waiting; path and real content."""
    (token,) = site.select("SELECT token FROM pictures ORDER BY id DESC LIMIT 1")[0]
    path = site.media / str(token)[:2] / f"{token}.jpg"
    good = path.read_bytes()
    path.unlink()
    os.mkfifo(path)
    return path, good


def release(path, good: bytes) -> None:
    path.unlink()
    path.write_bytes(good)


def is_being_tried(site, count: int = 1) -> bool:
    return site.select(f"SELECT 1 FROM errands WHERE attempts = {count}") != []


def test_tables_on_postgresql_are_what_the_models_say_forward_and_back(stack):
    said = stack.flask("db", "check")
    stack.select("INSERT INTO cards (token, name, text, created_at) VALUES ('a', 'b', 'c', now())")
    stack.flask("db", "downgrade", "0001")
    stack.flask("db", "upgrade")
    rows = stack.select("SELECT name FROM cards")
    stack.flask("db", "downgrade", "base")

    assert "No new upgrade operations detected." in said
    assert rows == [("b",)]
    assert stack.select("SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == [
        ("alembic_version",)
    ]


def test_card_with_a_picture_is_taken_and_its_thumbnails_are_made(site):
    answer = site.leave_card(jpeg())
    site.start_worker()

    assert answer.status == 303
    wait_for(lambda: site.states() == ["ready"], "no thumbnails")
    assert site.select("SELECT * FROM errands") == []
    (name,) = re.findall(r"/media/\S+-480\.jpg", site.ask("/").text)[:1]
    assert site.ask(name).headers["Content-Type"] == "image/jpeg"
    # One id leads from the visitor's request to the worker's line.
    lines = [json.loads(line) for line in site.log("app") + site.log("worker")]
    (done,) = [line for line in lines if line["event"] == "errand"]
    (posted,) = [line for line in lines if line.get("status") == 303]
    assert done["request_id"] == posted["request_id"] == answer.headers["X-Request-ID"]


def test_redis_is_killed_and_cards_are_still_taken_and_get_their_thumbnails(site):
    site.leave_card(jpeg())  # queued, and lost with Redis
    site.redis.kill()

    while_away = site.leave_card(jpeg())
    front = site.ask("/")
    ready = site.ask("/ready")
    site.redis.start()
    site.let_time_pass()
    site.flask("outbox", "drain")
    site.start_worker()

    assert while_away.status == 303
    assert front.status == 200
    assert (ready.status, json.loads(ready.text)["status"]) == (200, "degraded")
    wait_for(lambda: site.states() == ["ready", "ready"], "no thumbnails")


def test_redis_that_hangs_does_not_hang_the_visitor(site):
    site.redis.process.send_signal(signal.SIGSTOP)
    try:
        assert site.ask("/").status == 200
        assert site.leave_card(jpeg()).status == 303
    finally:
        site.redis.process.send_signal(signal.SIGCONT)


def test_worker_outlives_its_redis(site):
    worker = site.start_worker()
    wait_for(lambda: '"workers": 1' in site.flask("queue"), "no worker")

    site.redis.kill()
    site.redis.start()
    site.leave_card(jpeg())

    wait_for(lambda: site.states() == ["ready"], "no thumbnails after Redis came back")
    assert worker.poll() is None


def test_job_survives_its_killed_worker(site):
    site.leave_card(jpeg())
    path, good = hold(site)
    worker = site.start_worker()
    wait_for(lambda: is_being_tried(site), "no try")

    kill_all(worker)
    release(path, good)
    site.let_time_pass()
    assert site.flask("outbox", "drain") == "1 handed over\n"
    site.start_worker()

    wait_for(lambda: site.states() == ["ready"], "the job died with its worker")


def test_picture_that_kills_its_process_does_not_block_the_rest(site):
    site.leave_card(jpeg())
    hold(site)
    worker = site.start_worker()
    wait_for(lambda: is_being_tried(site), "no try")
    site.leave_card(jpeg())

    for child in children(worker.pid):
        os.kill(child, signal.SIGKILL)

    wait_for(lambda: site.states() == ["waiting", "ready"], "the second waits for the first")
    assert worker.poll() is None


def test_worker_told_to_stop_finishes_the_picture_at_hand(site):
    site.leave_card(jpeg())
    path, good = hold(site)
    worker = site.start_worker()
    wait_for(lambda: is_being_tried(site), "no try")

    worker.send_signal(signal.SIGTERM)
    with open(path, "wb") as waiting:
        waiting.write(good)

    assert worker.wait(60) == 0
    assert site.states() == ["ready"]


def test_database_is_killed_and_the_site_comes_back_by_itself(site):
    site.leave_card()
    site.ask("/")

    site.postgres.kill()
    front, card, post = site.ask("/"), site.ask("/cards/x"), site.ask("/ready")
    site.postgres.start()

    assert front.status == 200  # from the cache
    assert (card.status, post.status) == (503, 503)
    assert "The card box is shut for a moment" in card.text
    assert site.ask("/ready").status == 200
    assert site.leave_card().status == 303
    assert site.select("SELECT count(*) FROM cards") == [(2,)]


def test_reload_under_traffic_fails_no_request(site):
    app = site.processes[0]
    before = set(children(app.pid))
    answers: list[int] = []
    is_over = threading.Event()

    def visit() -> None:
        while not is_over.is_set():
            answers.append(site.ask("/").status)

    visitors = [threading.Thread(target=visit) for _ in range(3)]
    for visitor in visitors:
        visitor.start()
    app.send_signal(signal.SIGHUP)
    wait_for(lambda: not before & set(children(app.pid)), "old processes are still there")
    is_over.set()
    for visitor in visitors:
        visitor.join()

    assert len(answers) > 10
    assert set(answers) == {200}


def test_form_sent_twice_at_the_same_moment_leaves_one_card(site):
    answers: list[str] = []
    once = "0123456789abcdef" * 2

    def send() -> None:
        answers.append(site.leave_card(jpeg(), once=once).headers["Location"])

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    assert len(answers) == 4
    assert len(set(answers)) == 1
    assert site.select("SELECT count(*) FROM cards") == [(1,)]


def test_too_large_an_upload_is_answered_and_not_cut_off(site):
    about = {"Content-Type": "multipart/form-data; boundary=x"}

    answer = site.ask("/new", "POST", b"x" * 20_000_000, about)

    assert answer.status == 413
    assert "8 MB is the most we take." in answer.text


def test_scheme_and_address_cannot_be_forged_through_gunicorn(site):
    forged = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Ssl": "on"}

    answer = site.ask("/new", headers=forged)

    assert "Secure" not in answer.headers["Set-Cookie"]
    (line,) = [json.loads(line) for line in site.log("app") if '"/new"' in line]
    assert (line["client"], line["scheme"]) == ("127.0.0.1", "http")


def test_every_line_of_the_log_is_json(site):
    site.leave_card(jpeg())
    site.start_worker()
    wait_for(lambda: site.states() == ["ready"], "no thumbnails")
    app = site.processes[0]
    app.terminate()
    app.wait(60)

    for line in site.log("app") + site.log("worker"):
        assert {"time", "level", "event", "request_id"} <= set(json.loads(line)), line


def test_gunicorn_refuses_to_start_on_a_known_secret(stack):
    stack.environ["SECRET_KEY"] = "changeme"

    app = stack.start_app(workers=1)

    assert app.wait(60) == 3
    assert any("SECRET_KEY is one that everybody knows" in line for line in stack.log("app"))
