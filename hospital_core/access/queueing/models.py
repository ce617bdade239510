"""Tables of queueing."""

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.access.queueing.states import QueueTicketStatus, TicketPriority
from hospital_core.kernel.tables import Row, VersionedRow, one_of, refers_to


class ServiceQueue(Row):
    """The tickets of one department in one waiting area on one day (队列); numbers start again each day."""

    department_id: UUID
    department = refers_to("Department")
    area_id: UUID
    area = refers_to("Location")
    service_day = fields.DateField()
    prefix = fields.CharField(max_length=2)
    last_number = fields.IntField(default=0)

    class Meta:
        table = "service_queue"
        constraints = [UniqueConstraint(fields=("department_id", "area_id", "service_day"), name="queue_once_per_day")]


class QueueTicket(VersionedRow):
    """A place in a queue (排队号). Called or being served in at most one room of the whole hospital."""

    queue_id: UUID
    queue = refers_to("ServiceQueue")
    department_id: UUID
    department = refers_to("Department")
    area_id: UUID
    area = refers_to("Location")
    number = fields.IntField()
    display_no = fields.CharField(max_length=10)
    patient_id: UUID
    patient = refers_to("Patient")
    appointment_id: UUID | None
    appointment = refers_to("Appointment", null=True)
    encounter_id = fields.UUIDField()
    staff_id: UUID | None
    staff = refers_to("StaffMember", null=True)
    room_id: UUID | None
    room = refers_to("Location", null=True)
    status = fields.CharField(max_length=10)
    priority = fields.CharField(max_length=10)
    order_at = fields.DatetimeField()
    call_count = fields.SmallIntField(default=0)
    created_at = fields.DatetimeField()
    called_at = fields.DatetimeField(null=True)
    started_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "queue_ticket"
        unique_together = (("queue_id", "number"),)
        indexes = [
            Index(fields=["department_id", "status", "order_at"]),
            Index(fields=["area_id", "created_at"]),
            Index(fields=["encounter_id"]),
        ]
        constraints = [
            one_of("queue_ticket", QueueTicketStatus),
            one_of("queue_ticket", TicketPriority, "priority"),
            CheckConstraint(
                check="status NOT IN ('called', 'serving') OR room_id IS NOT NULL", name="ticket_called_to_a_room"
            ),
            UniqueConstraint(
                fields=("patient_id",), condition="status IN ('called', 'serving')", name="patient_in_one_room"
            ),
            UniqueConstraint(fields=("room_id",), condition="status = 'serving'", name="room_serves_one"),
            UniqueConstraint(fields=("room_id",), condition="status = 'called'", name="room_calls_one"),
            UniqueConstraint(
                fields=("appointment_id",), condition="status <> 'cancelled'", name="ticket_once_per_appointment"
            ),
        ]
