"""Devices: one code, one key, one place, revoked at once; kiosk sessions: one proof, one patient, two minutes."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from hospital_core.kernel import revocations
from hospital_core.kernel.attempts import TooManyAttempts
from hospital_core.kernel.commands import Empty
from hospital_core.kernel.context import Actor, ActorKind, Context, system_context
from hospital_core.kernel.errors import FieldProblem, Forbidden, NotFound, StateConflict, Unauthenticated
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.revocations import SubjectKind
from hospital_core.kernel.run import run
from hospital_core.registry.devices import codes, errors
from hospital_core.registry.devices.commands import (
    ApproveDevice,
    CreateEnrolment,
    DeviceSeen,
    EnrolDevice,
    OpenKioskSession,
    PairDevice,
    RequestPairing,
    RevokeDevice,
)
from hospital_core.registry.devices.queries import (
    device,
    devices,
    kiosk_session_of,
    touch_kiosk_session,
    verify_device_signature,
)
from hospital_core.registry.devices.service import (
    approve_device,
    close_kiosk_session,
    create_enrolment,
    enrol_device,
    open_kiosk_session,
    pair_device,
    request_pairing,
    revoke_device,
    seen,
)
from hospital_core.registry.devices.states import DeviceKind, DeviceStatus, KioskProof
from hospital_core.registry.devices.views import DeviceView, EnrolmentCode, KioskSessionOpened
from hospital_core.registry.organization.states import LocationKind
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.people import MadeDevice, Person, make_device, make_place, make_staff, new_key, register, somebody

pytestmark = pytest.mark.usefixtures("core")
READING = Reading(system_context())
ANYBODY = Context(Actor(ActorKind.ANONYMOUS))


async def _code(*, location_id: UUID | None = None) -> EnrolmentCode:
    command = CreateEnrolment(kind=DeviceKind.KIOSK, name="自助机 02", location_id=location_id)
    return await run(system_context(), create_enrolment, command)


async def _enrol(code: str, public_key: str | None = None) -> DeviceView:
    return await run(ANYBODY, enrol_device, EnrolDevice(code=code, public_key=public_key or new_key()[1]))


async def _open(kiosk: MadeDevice, person: Person) -> KioskSessionOpened:
    command = OpenKioskSession(proof_kind=KioskProof.ID_CARD, document_no=person.document_no, name=person.name)
    return await run(kiosk.ctx(), open_kiosk_session, command)


async def _shift(session_id: UUID, by: timedelta, columns: str = "opened_at expires_at") -> None:
    sets = ", ".join(f"{column} = {column} - $2::interval" for column in columns.split())
    assert await READING.fetch(f"UPDATE kiosk_session SET {sets} WHERE id = $1 RETURNING 1", session_id, by)


# Enrolment


async def test_given_a_code_then_the_device_waits_and_works_once_approved_at_its_place() -> None:
    _, place = await make_place(name="门诊大厅")
    code = await _code(location_id=place)
    key, public_key = new_key()
    view = await _enrol(f" {code.code[:4].lower()}-{code.code[4:]} ", public_key)
    waiting = MadeDevice(view, key)
    assert (view.status, view.location, view.approved_at) == (DeviceStatus.PENDING, "门诊大厅", None)
    with pytest.raises(errors.DeviceNotApproved):
        await verify_device_signature(READING, view.id, b"challenge", waiting.sign(b"challenge"))
    admin = await make_staff(roles=[StaffRole.SYSTEM_ADMIN])
    approved = await run(admin.ctx(), approve_device, ApproveDevice(device_id=view.id))
    assert (approved.status, approved.location_id) == (DeviceStatus.ACTIVE, place)
    assert await verify_device_signature(READING, view.id, b"challenge", waiting.sign(b"challenge")) == approved
    approver = await READING.fetch_value("SELECT approved_by FROM device WHERE id = $1", view.id)
    assert approver == admin.staff_id
    with pytest.raises(StateConflict):
        await run(admin.ctx(), approve_device, ApproveDevice(device_id=view.id))


async def test_given_twenty_devices_with_one_code_then_one_is_enrolled() -> None:
    code = await _code()
    results = await asyncio.gather(*(_enrol(code.code) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(result, DeviceView) for result in results) == 1
    assert sum(isinstance(result, errors.EnrolmentCodeWrong) for result in results) == 19


async def test_given_an_expired_or_unknown_code_then_the_same_refusal() -> None:
    code = await _code()
    await READING.fetch(
        "UPDATE device_enrolment SET expires_at = expires_at - interval '10 minutes' WHERE id = $1 RETURNING 1",
        code.enrolment_id,
    )
    for text in (code.code, "ABCDEFGH"):
        with pytest.raises(errors.EnrolmentCodeWrong):
            await _enrol(text)


async def test_given_a_refused_enrolment_then_its_code_is_still_good() -> None:
    kiosk, code = await make_device(), await _code()
    known = await READING.fetch_value("SELECT public_key FROM device WHERE id = $1", kiosk.view.id)
    for padding in ("", "="):
        with pytest.raises(errors.DeviceKeyKnown):
            await _enrol(code.code, known + padding)
    with pytest.raises(FieldProblem):
        await _enrol(code.code, "!" * 43)
    assert (await _enrol(code.code)).status is DeviceStatus.PENDING


async def test_given_codes_then_they_are_readable_aloud_and_kept_as_keyed_hashes() -> None:
    assert set(codes.ALPHABET).isdisjoint("01OIL")
    assert len(set(codes.ALPHABET)) == 31
    code = await _code()
    assert len(code.code) == 8
    kept = await READING.fetch_value("SELECT code_hash FROM device_enrolment WHERE id = $1", code.enrolment_id)
    assert bytes(kept) == codes.enrolment_hash(code.code)
    assert code.code not in repr(code)


async def test_given_no_place_then_approval_asks_for_one() -> None:
    view = await _enrol((await _code()).code)
    with pytest.raises(errors.PlaceNeeded):
        await run(system_context(), approve_device, ApproveDevice(device_id=view.id))
    with pytest.raises(NotFound):
        await run(system_context(), approve_device, ApproveDevice(device_id=view.id, location_id=new_id()))
    _, place = await make_place()
    approved = await run(system_context(), approve_device, ApproveDevice(device_id=view.id, location_id=place))
    assert approved.location_id == place


# Signatures


async def test_given_a_wrong_signature_or_message_or_device_then_it_is_nobody() -> None:
    kiosk, other = await make_device(), await make_device()
    good = kiosk.sign(b"challenge")
    tries = [
        (kiosk.view.id, b"another", good),
        (kiosk.view.id, b"challenge", other.sign(b"challenge")),
        (other.view.id, b"challenge", good),
        (new_id(), b"challenge", good),
        (kiosk.view.id, b"challenge", good[:-2]),
        (kiosk.view.id, b"challenge", "签名"),
        (kiosk.view.id, b"challenge", ""),
    ]
    for device_id, message, signature in tries:
        with pytest.raises(Unauthenticated):
            await verify_device_signature(READING, device_id, message, signature)
    assert (await verify_device_signature(READING, kiosk.view.id, b"challenge", good)).id == kiosk.view.id


async def test_given_a_revoked_device_then_its_signature_and_session_are_dead_and_told() -> None:
    kiosk, person = await make_device(), somebody()
    await register(person=person)
    session = await _open(kiosk, person)
    before = await READING.fetch_value("SELECT hospital_now()")
    await run(system_context(), revoke_device, RevokeDevice(device_id=kiosk.view.id))
    with pytest.raises(Unauthenticated):
        await verify_device_signature(READING, kiosk.view.id, b"c", kiosk.sign(b"c"))
    assert (await device(READING, kiosk.view.id)).status is DeviceStatus.REVOKED
    assert await kiosk_session_of(READING, session.token) is None
    told = {(r.subject_kind, r.subject_id) for r in await revocations.revoked_since(READING, before)}
    assert {(SubjectKind.DEVICE, kiosk.view.id), (SubjectKind.KIOSK_SESSION, session.session_id)} <= told
    with pytest.raises(Unauthenticated):
        await _open(kiosk, person)
    with pytest.raises(StateConflict):
        await run(system_context(), revoke_device, RevokeDevice(device_id=kiosk.view.id))
    with pytest.raises(StateConflict):
        await run(system_context(), approve_device, ApproveDevice(device_id=kiosk.view.id))


async def test_given_a_revocation_seen_late_then_the_overlap_still_tells_it() -> None:
    kiosk = await make_device()
    await run(system_context(), revoke_device, RevokeDevice(device_id=kiosk.view.id))
    later = await READING.fetch_value("SELECT hospital_now() + interval '50 seconds'")
    assert kiosk.view.id in {r.subject_id for r in await revocations.revoked_since(READING, later)}


# Pairing


async def test_given_a_screen_then_its_code_gives_it_a_place() -> None:
    _, place = await make_place(kind=LocationKind.WAITING_AREA, name="二楼候诊区")
    key, public_key = new_key()
    pairing = await run(ANYBODY, request_pairing, RequestPairing(public_key=public_key, software="display 1.0"))
    assert len(pairing.code) == 6
    assert pairing.device_id not in {view.id for view in await devices(READING)}
    admin = await make_staff(roles=[StaffRole.SYSTEM_ADMIN])
    command = PairDevice(code=pairing.code, location_id=place, name="候诊屏 03")
    paired = await run(admin.ctx(), pair_device, command)
    assert (paired.id, paired.kind, paired.status) == (pairing.device_id, DeviceKind.DISPLAY, DeviceStatus.ACTIVE)
    assert (paired.name, paired.location) == ("候诊屏 03", "二楼候诊区")
    screen = MadeDevice(paired, key)
    assert (await verify_device_signature(READING, paired.id, b"c", screen.sign(b"c"))).id == paired.id
    with pytest.raises(errors.PairingCodeWrong):
        await run(admin.ctx(), pair_device, command)
    with pytest.raises(errors.DeviceKeyKnown):
        await run(ANYBODY, request_pairing, RequestPairing(public_key=public_key))
    assert paired.id in {view.id for view in await devices(READING, DeviceKind.DISPLAY, DeviceStatus.ACTIVE)}


async def test_given_a_screen_that_asks_again_then_the_newer_code_counts_and_ten_minutes_end_it() -> None:
    _, place = await make_place()
    _, public_key = new_key()
    first, second = [await run(ANYBODY, request_pairing, RequestPairing(public_key=public_key)) for _ in range(2)]
    assert first.device_id == second.device_id
    if first.code != second.code:
        with pytest.raises(errors.PairingCodeWrong):
            await run(system_context(), pair_device, PairDevice(code=first.code, location_id=place))
    await READING.fetch(
        "UPDATE device SET pairing_expires_at = pairing_expires_at - interval '10 minutes' WHERE id = $1 RETURNING 1",
        second.device_id,
    )
    with pytest.raises(errors.PairingCodeWrong):
        await run(system_context(), pair_device, PairDevice(code=second.code, location_id=place))


async def test_given_screens_that_draw_the_same_digits_then_each_shows_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["000111", "000111", "000111", "000222"])
    monkeypatch.setattr(codes, "new_pairing_code", lambda: next(drawn))
    shown = [await run(ANYBODY, request_pairing, RequestPairing(public_key=new_key()[1])) for _ in range(2)]
    assert [pairing.code for pairing in shown] == ["000111", "000222"]


async def test_given_five_wrong_pairing_codes_then_that_staff_member_waits_and_nobody_else() -> None:
    _, place = await make_place()
    pairing = await run(ANYBODY, request_pairing, RequestPairing(public_key=new_key()[1]))
    guesser, colleague = [await make_staff(roles=[StaffRole.SYSTEM_ADMIN]) for _ in range(2)]
    wrong = PairDevice(code=f"{(int(pairing.code) + 1) % 1_000_000:06d}", location_id=place)
    for _ in range(5):
        with pytest.raises(errors.PairingCodeWrong):
            await run(guesser.ctx(), pair_device, wrong)
    right = PairDevice(code=pairing.code, location_id=place)
    with pytest.raises(TooManyAttempts):
        await run(guesser.ctx(), pair_device, right)
    assert (await run(colleague.ctx(), pair_device, right)).status is DeviceStatus.ACTIVE


# Kiosk sessions


async def test_given_a_card_then_a_session_of_two_minutes_for_that_patient() -> None:
    kiosk, person = await make_device(), somebody(name="张三丰")
    patient_id = await register(person=person)
    opened = await _open(kiosk, person)
    assert (opened.patient_id, opened.patient_name_masked) == (patient_id, "张*丰")
    assert opened.token not in repr(opened)
    session = await kiosk_session_of(READING, opened.token)
    assert session is not None
    assert session.expires_at - session.opened_at == timedelta(seconds=120)
    assert session.proof is KioskProof.ID_CARD
    assert session.actor() == Actor(
        ActorKind.KIOSK_SESSION, opened.session_id, session_id=opened.session_id, device_id=kiosk.view.id,
        patient_id=patient_id,
    )  # fmt: skip
    kept = await READING.fetch_value("SELECT token_hash FROM kiosk_session WHERE id = $1", opened.session_id)
    assert opened.token.encode() not in bytes(kept)
    assert await kiosk_session_of(READING, opened.token[:-1]) is None


async def test_given_a_card_without_file_or_with_another_name_then_the_same_refusal() -> None:
    kiosk, person = await make_device(), somebody(name="陈思远")
    await register(person=person)
    for stranger in (somebody(), Person("陈思源", person.document_no), Person("陈思远", "123"), Person("<x>", "1")):
        with pytest.raises(errors.KioskProofRefused) as refusal:
            await _open(kiosk, stranger)
        assert (refusal.value.detail, refusal.value.fields) == (None, {})
    counted = await READING.fetch_value(
        "SELECT failures FROM attempt_limit WHERE purpose = 'kiosk_proof' AND subject = $1", str(kiosk.view.id)
    )
    assert counted == 4


async def test_given_touches_then_the_session_slides_but_never_beyond_ten_minutes() -> None:
    kiosk, person = await make_device(), somebody()
    await register(person=person)
    opened = await _open(kiosk, person)
    await _shift(opened.session_id, timedelta(seconds=100))
    touched = await touch_kiosk_session(READING, opened.token)
    assert touched is not None
    assert touched.expires_at - touched.opened_at > timedelta(seconds=219)
    await _shift(opened.session_id, timedelta(seconds=450), "opened_at")
    last = await touch_kiosk_session(READING, opened.token)
    assert last is not None
    assert last.expires_at - last.opened_at == timedelta(minutes=10)
    await _shift(opened.session_id, timedelta(seconds=60))
    assert await touch_kiosk_session(READING, opened.token) is None


async def test_given_two_minutes_without_touch_then_it_is_over() -> None:
    kiosk, person = await make_device(), somebody()
    await register(person=person)
    opened = await _open(kiosk, person)
    await _shift(opened.session_id, timedelta(seconds=120))
    assert await kiosk_session_of(READING, opened.token) is None
    assert await touch_kiosk_session(READING, opened.token) is None


async def test_given_the_next_patient_then_the_one_before_is_signed_off_and_one_session_is_open() -> None:
    kiosk, people = await make_device(), [somebody() for _ in range(8)]
    for person in people:
        await register(person=person)
    opened = await asyncio.gather(*(_open(kiosk, person) for person in people))
    alive = [session for session in opened if await kiosk_session_of(READING, session.token)]
    assert len(alive) == 1
    open_rows = await READING.fetch_value(
        "SELECT count(*) FROM kiosk_session WHERE device_id = $1 AND ended_at IS NULL", kiosk.view.id
    )
    assert open_rows == 1
    ended = [session.session_id for session in opened if session is not alive[0]]
    told = await READING.fetch_value("SELECT count(*) FROM revocation WHERE subject_id = ANY($1::uuid[])", ended)
    assert told == 7


async def test_given_leaving_then_the_session_ends_and_only_that_one() -> None:
    kiosk, person, next_person = await make_device(), somebody(), somebody()
    await register(person=person)
    await register(person=next_person)
    first = await _open(kiosk, person)
    first_session = await kiosk_session_of(READING, first.token)
    assert first_session is not None
    second = await _open(kiosk, next_person)
    await run(Context(first_session.actor()), close_kiosk_session, Empty())
    assert await kiosk_session_of(READING, second.token) is not None, "a late goodbye ends nobody else's session"
    await run(kiosk.ctx(), close_kiosk_session, Empty())
    assert await kiosk_session_of(READING, second.token) is None


async def test_given_an_appointment_qr_then_its_patient_without_a_card() -> None:
    kiosk, person = await make_device(), somebody()
    patient_id = await register(person=person)
    command = OpenKioskSession(proof_kind=KioskProof.APPOINTMENT_QR, patient_id=patient_id)
    opened = await run(kiosk.ctx(), open_kiosk_session, command)
    session = await kiosk_session_of(READING, opened.token)
    assert session is not None
    assert (session.patient_id, session.proof) == (patient_id, KioskProof.APPOINTMENT_QR)
    with pytest.raises(errors.KioskProofRefused):
        await run(kiosk.ctx(), open_kiosk_session, command.model_copy(update={"patient_id": new_id()}))


@pytest.mark.parametrize(
    "body",
    [
        {"proof_kind": "id_card"},
        {"proof_kind": "id_card", "document_no": "1"},
        {"proof_kind": "id_card", "document_no": "1", "name": "x", "patient_id": str(new_id())},
        {"proof_kind": "appointment_qr"},
        {"proof_kind": "appointment_qr", "document_no": "1", "patient_id": str(new_id())},
        {"proof_kind": "trust_me", "patient_id": str(new_id())},
    ],
)
def test_given_half_a_proof_then_it_is_none(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OpenKioskSession.model_validate(body)


# Whose is whose


async def test_given_the_wrong_actor_then_nothing_is_done() -> None:
    kiosk, person = await make_device(), somebody()
    await register(person=person)
    waiting, screen = await make_device(approved=False), await make_device(kind=DeviceKind.DISPLAY)
    card = OpenKioskSession(proof_kind=KioskProof.ID_CARD, document_no=person.document_no, name=person.name)
    doctor = await make_staff()
    for ctx in (ANYBODY, doctor.ctx(), waiting.ctx(), screen.ctx()):
        with pytest.raises(Unauthenticated):
            await run(ctx, open_kiosk_session, card)
    calls: list[tuple[Any, Any]] = [
        (create_enrolment, CreateEnrolment(kind=DeviceKind.KIOSK, name="x")),
        (approve_device, ApproveDevice(device_id=waiting.view.id)),
        (revoke_device, RevokeDevice(device_id=kiosk.view.id)),
        (pair_device, PairDevice(code="123456", location_id=new_id())),
    ]
    for ctx in (ANYBODY, doctor.ctx(), kiosk.ctx()):
        for service, command in calls:
            with pytest.raises(Forbidden):
                await run(ctx, service, command)
    calls = [(seen, DeviceSeen()), (close_kiosk_session, Empty())]
    for ctx in (ANYBODY, doctor.ctx()):
        for service, command in calls:
            with pytest.raises(Unauthenticated):
                await run(ctx, service, command)


async def test_given_a_sign_of_life_then_time_and_software_are_kept_and_audited() -> None:
    kiosk = await make_device()
    assert kiosk.view.last_seen_at is None
    await run(kiosk.ctx(), seen, DeviceSeen(software="kiosk 1.1"))
    view = await device(READING, kiosk.view.id)
    assert view.last_seen_at is not None
    assert view.software == "kiosk 1.1"
    actions = await READING.fetch("SELECT action FROM audit_row WHERE object_id = $1 ORDER BY id", kiosk.view.id)
    assert [row["action"] for row in actions] == ["devices.enrol_device", "devices.approve_device", "devices.seen"]
