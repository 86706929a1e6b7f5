"""Cards, their pictures, and the errands that are owed to them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "cards",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cards")),
        sa.UniqueConstraint("token", name=op.f("uq_cards_token")),
    )
    op.create_table(
        "pictures",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("card_id", sa.Integer, nullable=False),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'ready', 'failed')", name=op.f("ck_pictures_state")
        ),
        sa.ForeignKeyConstraint(
            ["card_id"], ["cards.id"], name=op.f("fk_pictures_card_id_cards"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pictures")),
        sa.UniqueConstraint("card_id", name=op.f("uq_pictures_card_id")),
        sa.UniqueConstraint("token", name=op.f("uq_pictures_token")),
    )
    op.create_table(
        "errands",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("picture_id", sa.Integer, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("given_up_at", moment, nullable=True),
        sa.Column("last_error", sa.String(200), nullable=True),
        sa.Column("request_id", sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(
            ["picture_id"],
            ["pictures.id"],
            name=op.f("fk_errands_picture_id_pictures"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_errands")),
        sa.UniqueConstraint("picture_id", name=op.f("uq_errands_picture_id")),
    )
    op.create_index(op.f("ix_errands_due_at"), "errands", ["due_at"])


def downgrade() -> None:
    op.drop_table("errands")
    op.drop_table("pictures")
    op.drop_table("cards")
