"""The front page, a card, and the form to leave one."""

from typing import BinaryIO, cast

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import FileStorage

from ..cache import cache
from ..cards import Draft, find_card, leave_card, list_cards
from ..errors import RETRY_AFTER_S, note_database
from ..forms import EXPIRED, CardForm
from ..media import media_url
from ..models import ALT_MAX, NAME_MAX, TEXT_MAX, db, make_token
from ..pictures import BadPicture, CleanPicture, clean_picture

blueprint = Blueprint("cards", __name__)
ID_MAX = 2**31 - 1  # the database's own limit for a card's number
NOT_KEPT = (
    "Your card could not be kept just now, and nothing of it was. "
    "Your words are still here: please send again in a minute."
)


@blueprint.app_context_processor
def _for_templates() -> dict[str, object]:
    limits = {"name": NAME_MAX, "text": TEXT_MAX, "alt": ALT_MAX}
    return {"media_url": media_url, "limits": limits}


@blueprint.get("/")
def front() -> ResponseReturnValue:
    """Counted, and its list of cards cached until a card comes in or its picture is ready."""
    before = request.args.get("before", type=int)
    if before is not None and not 0 < before <= ID_MAX:
        abort(404)
    visits = cache().count_visit()
    html, how = _card_list(before)
    page = render_template("front.html", cards=html, visits=visits, is_first=before is None)
    response = make_response(page)
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Postcards-Cache"] = how
    return response


def _card_list(before: int | None) -> tuple[str, str]:
    """The rendered list, and whether it came from the cache. Only the first page is kept."""
    edition = cache().edition() if before is None else None
    kept = cache().page(edition, "front")
    if kept is not None:
        return kept, "hit"
    found = list_cards(current_app.config["CARDS_PER_PAGE"], before)
    html = render_template("_cards.html", page=found)
    cache().keep_page(edition, "front", html)
    return html, "off" if edition is None else "miss"


@blueprint.get("/cards/<token>")
def show(token: str) -> ResponseReturnValue:
    card = find_card(token)
    if card is None:
        abort(404)
    return _fresh(render_template("card.html", card=card))


@blueprint.get("/new")
def new() -> ResponseReturnValue:
    return _form(CardForm(formdata=None, once=make_token()))


@blueprint.post("/new")
def create() -> ResponseReturnValue:
    form = CardForm()
    is_valid = form.validate_on_submit()
    picture = _picture_of(form)
    if form.is_expired:
        return _form(form, problem=EXPIRED, status=400)
    if not is_valid or form.errors:
        return _form(form, problem="Something is missing or does not fit.", status=422)
    try:
        card = leave_card(_draft(form, picture))
    except (SQLAlchemyError, OSError) as error:
        db.session.rollback()
        note_database(error)
        return _form(form, problem=NOT_KEPT, status=503)
    flash("Thank you! Your card is on the wall.")
    return redirect(url_for("cards.show", token=card.token), code=303)


def _picture_of(form: CardForm) -> CleanPicture | None:
    """The picture that was sent, if one was; what is wrong with it goes to the form's errors."""
    sent = form.picture.data
    if not isinstance(sent, FileStorage) or not sent.filename:
        return None
    limit = current_app.config["MAX_PICTURE_MEGAPIXELS"]
    try:
        return clean_picture(cast(BinaryIO, sent.stream), sent.filename, max_megapixels=limit)
    except BadPicture as error:
        form.picture.errors = [*form.picture.errors, str(error)]
        current_app.logger.info("picture_refused", extra={"reason": str(error)})
        return None


def _draft(form: CardForm, picture: CleanPicture | None) -> Draft:
    return Draft(
        name=form.name.data or "",
        text=form.text.data or "",
        once=form.once.data or None,
        picture=picture,
        alt=form.alt.data or "",
    )


def _form(form: CardForm, *, problem: str | None = None, status: int = 200) -> Response:
    response = _fresh(render_template("new.html", form=form, problem=problem))
    response.status_code = status
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _fresh(html: str) -> Response:
    """Pages that show this visitor's own words are for nobody's cache."""
    response = make_response(html)
    response.headers["Cache-Control"] = "no-store"
    return response
