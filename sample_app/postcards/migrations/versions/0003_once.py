"""A form sent twice leaves one card."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("cards") as table:
        table.add_column(sa.Column("once", sa.String(32), nullable=True))
        table.create_unique_constraint(op.f("uq_cards_once"), ["once"])


def downgrade() -> None:
    with op.batch_alter_table("cards") as table:
        table.drop_constraint(op.f("uq_cards_once"), type_="unique")
        table.drop_column("once")
