"""What the board of the day asks every ten seconds is found by an index, however long the hospital has existed."""

from tortoise import migrations
from tortoise.migrations import operations as ops

# Partial ones hold next to nothing, or take a row that is written once more anyway.
INDEXES = [
    "CREATE INDEX service_queue_day ON service_queue (service_day)",
    "CREATE INDEX appointment_missed ON appointment (day) WHERE status = 'noshow'",
    "CREATE INDEX payment_open ON payment_intent (pay_until) WHERE status = 'open'",
    "CREATE INDEX refund_unfinished ON refund (requested_at) WHERE status <> 'succeeded'",
]


class Migration(migrations.Migration):
    dependencies = [("hospital", "0011_lighter_bookings")]

    initial = False

    operations = [ops.RunSQL(INDEXES)]
