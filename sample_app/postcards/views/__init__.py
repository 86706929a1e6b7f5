"""What visitors can open."""

from flask import Flask

from . import cards, files


def init_views(app: Flask) -> None:
    app.register_blueprint(cards.blueprint)
    app.register_blueprint(files.blueprint)
