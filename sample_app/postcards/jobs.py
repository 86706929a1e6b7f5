"""The queue in Redis: how an errand gets to a worker, and the worker itself."""

from flask import Flask, current_app
from redis import Redis
from rq import Queue, SimpleWorker, Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.registry import FailedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer

QUEUE = "postcards"
TIMEOUT_S = 60  # one picture; less than outbox.LEASE_S, so an errand that is due has no live job
TASK = "postcards.tasks.run_errand"
FAILURE_TTL_S = 24 * 3600  # how long `flask queue` can show a failed job


def init_queue(app: Flask, client: Redis) -> None:
    # JSON, not RQ's default pickle: who can write to Redis must not run code in the worker.
    app.extensions["postcards.queue"] = Queue(
        QUEUE, connection=client, default_timeout=TIMEOUT_S, serializer=JSONSerializer
    )


def queue() -> Queue:
    found = current_app.extensions["postcards.queue"]
    assert isinstance(found, Queue)
    return found


def enqueue_errand(errand_id: int, request_id: str | None) -> bool:
    """Hand an errand to the workers, once; False where it lies in the queue already.

    Raises:
        redis.exceptions.RedisError: Redis is away.
    """
    line = queue()
    job_id = f"errand-{errand_id}"
    if line.get_job_position(job_id) is not None:
        return False
    _forget(job_id)
    line.enqueue_call(
        TASK,
        args=(errand_id, request_id),
        job_id=job_id,
        result_ttl=0,
        failure_ttl=FAILURE_TTL_S,
        description=f"thumbnails for errand {errand_id}",
    )
    return True


def queue_figures() -> dict[str, int]:
    """How many jobs wait, run and have failed, as Redis has it."""
    line = queue()
    return {
        "queued": line.count,
        "running": StartedJobRegistry(queue=line).count,
        "failed": FailedJobRegistry(queue=line).count,
        "workers": Worker.count(queue=line),
    }


def make_worker(client: Redis, *, forking: bool = True) -> Worker | SimpleWorker:
    """A worker for our queue. A forking one survives a picture that kills the process at work."""
    kind = Worker if forking else SimpleWorker
    line = Queue(QUEUE, connection=client, serializer=JSONSerializer)
    return kind([line], connection=client, serializer=JSONSerializer)


def _forget(job_id: str) -> None:
    """Drop what is left of an earlier try: a failed job, or one whose worker was killed."""
    line = queue()
    try:
        job = Job.fetch(job_id, connection=line.connection, serializer=JSONSerializer)
    except NoSuchJobError:
        return
    job.delete()
