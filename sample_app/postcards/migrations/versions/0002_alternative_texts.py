"""Pictures say what they show, to those who cannot see them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The default fills the rows that are there, and lets the release before this one go on writing
    # while both run; it stays for that reason.
    with op.batch_alter_table("pictures") as table:
        table.add_column(sa.Column("alt", sa.String(200), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("pictures") as table:
        table.drop_column("alt")
