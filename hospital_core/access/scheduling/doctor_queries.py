"""A doctor's page (医生主页): who it is, what they are good at, when they can be seen."""

from datetime import datetime
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.pricing import pays_at_hospital
from hospital_core.access.scheduling.queries import NOW, can_wait
from hospital_core.access.scheduling.rules import RuleBook, rule_book
from hospital_core.access.scheduling.search_views import ClinicOffer, DoctorPageView, DoctorSession
from hospital_core.access.scheduling.statements import is_chosen_online, is_for_line, is_free, is_open_to, is_waited_for
from hospital_core.access.scheduling.states import Pool
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading

_DOCTOR = """
SELECT m.id AS staff_id, m.name, m.title, m.specialty, m.introduction, m.department_id, d.name AS department,
       c.name AS campus, left(photo.digest, 12) AS photo_version
FROM staff_member m JOIN department d ON d.id = m.department_id JOIN campus c ON c.id = d.campus_id
LEFT JOIN staff_photo photo ON photo.staff_id = m.id
WHERE m.id = $1 AND m.active AND m.profession = 'doctor'"""

# 1 doctor, 2 pool, 3 now
_SESSIONS = f"""
SELECT s.id AS schedule_id, s.period, s.starts_at, s.ends_at, s.service_kind, s.fee_fen, r.name AS room,
       s.sought_after, s.department_id, d.name AS department, c.name AS campus,
       (SELECT count(*) FROM slot
        WHERE slot.schedule_id = s.id AND slot.starts_at > $3 AND {is_free("slot", "$3")}
          AND {is_open_to("slot", "$2", "$3")}
          AND NOT ({is_for_line("slot", "$3")} AND {is_waited_for("s", "$3")})) AS places_left
FROM schedule s JOIN department d ON d.id = s.department_id JOIN location r ON r.id = s.room_id
JOIN campus c ON c.id = r.campus_id
WHERE s.staff_id = $1 AND s.status = 'active' AND s.released_at <= $3 AND {is_chosen_online("s")}
  AND s.starts_at > $3 - interval '1 day' AND s.starts_at < $3 + interval '14 days' AND s.ends_at > $3
ORDER BY s.starts_at, s.id"""


async def doctor_page(reading: Reading, staff_id: UUID, pool: Pool = Pool.MINIAPP) -> DoctorPageView:
    """A doctor with the sessions of the next fourteen days, as a channel can book them (医生主页). Raises: NotFound."""
    row = await reading.fetch_row(_DOCTOR, staff_id)
    if row is None:
        raise NotFound()
    now, book = await reading.fetch_value(NOW), await rule_book(reading)
    found = await reading.fetch(_SESSIONS, staff_id, pool.value, now)
    offers = {(one["service_kind"], one["fee_fen"]): None for one in found}
    return DoctorPageView(
        **dict(row),
        offers=[
            ClinicOffer(service_kind=kind, fee_fen=fee) for kind, fee in sorted(offers, key=lambda offer: offer[1])
        ],
        sessions=[_session(one, now, book) for one in found],
    )


def _session(row: Record, now: datetime, book: RuleBook) -> DoctorSession:
    shown = {name: row[name] for name in DoctorSession.model_fields.keys() - {"can_wait", "pay_at_hospital"}}
    return DoctorSession(**shown, can_wait=can_wait(row, now, book), pay_at_hospital=pays_at_hospital(row, book))
