"""What a worker does. Every task may run twice, at once or again later, with the same result."""

from flask import current_app
from sqlalchemy import delete

from .cache import cache
from .logs import use_request_id
from .media import media
from .models import Errand, Picture, db
from .outbox import claim, give_up, postpone
from .pictures import BadPicture, make_thumbnails


def run_errand(errand_id: int, request_id: str | None = None) -> str:
    """Make the thumbnails of one errand's picture; says what came of it, for the log.

    Raises:
        Exception: whatever hindered it, after the next try was noted; the queue shows it as failed.
    """
    with use_request_id(request_id):
        outcome = _run(errand_id)
        current_app.logger.info("errand", extra={"errand": errand_id, "outcome": outcome})
        return outcome


def _run(errand_id: int) -> str:
    errand = claim(errand_id)
    if errand is None:
        return "nothing to do"
    picture_id, token = errand.picture_id, errand.picture.token
    try:
        for edge, data in make_thumbnails(media().read(token)).items():
            media().write(data, token, edge)
    except BadPicture as error:
        give_up(errand_id, str(error))  # the file will not get better by waiting
        return "given up"
    except Exception as error:
        db.session.rollback()
        postpone(errand_id, f"{type(error).__name__}: {error}")
        raise
    return _finish(errand_id, picture_id, token)


def _finish(errand_id: int, picture_id: int, token: str) -> str:
    """Mark the picture ready and strike the errand off, in one transaction."""
    db.session.execute(delete(Errand).where(Errand.id == errand_id))
    picture = db.session.get(Picture, picture_id, populate_existing=True)
    if picture is None:  # its card was taken away while we drew
        db.session.commit()
        media().remove(token)
        return "card is gone"
    picture.state = "ready"
    db.session.commit()
    cache().forget_pages()
    return "ready"
