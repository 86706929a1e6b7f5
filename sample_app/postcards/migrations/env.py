"""How migrations reach the database: by the app's own engine, never by a URL of theirs."""

from alembic import context
from flask import current_app

migrations = current_app.extensions["migrate"]
engine = migrations.db.engine

# SQLite cannot change a table in place; batch mode copies it there and does nothing elsewhere.
options = {"target_metadata": migrations.db.metadata, "render_as_batch": True}

if context.is_offline_mode():
    context.configure(dialect_name=engine.dialect.name, literal_binds=True, **options)
    with context.begin_transaction():
        context.run_migrations()
else:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            # That copy drops the old table, and with foreign keys on its rows would take those that
            # point to them along: every picture, when `cards` changes.
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.commit()
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys = ON")
