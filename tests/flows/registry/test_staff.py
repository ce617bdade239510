"""Staff: administrators kept apart, log-ins that resist guessing, sessions that end at once."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from pydantic import SecretStr, ValidationError

from hospital_core.kernel import revocations
from hospital_core.kernel.attempts import TooManyAttempts
from hospital_core.kernel.commands import Empty
from hospital_core.kernel.context import Actor, ActorKind, Context, system_context
from hospital_core.kernel.errors import Forbidden, NotFound, Unauthenticated
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.revocations import SubjectKind
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.staff import errors, passwords
from hospital_core.registry.staff.commands import (
    BeginSession,
    ChangeOwnPassword,
    ChangeRoles,
    DisableAccount,
    EnableAccount,
    HireStaff,
    OpenStaffAccount,
    ResetTotp,
)
from hospital_core.registry.staff.csrf import csrf_token_of
from hospital_core.registry.staff.log_in import change_own_password, log_in, open_staff_account
from hospital_core.registry.staff.permissions import ROLE_PERMISSIONS, Permission, permissions_of
from hospital_core.registry.staff.queries import session_of, staff_member, staff_members
from hospital_core.registry.staff.service import (
    change_roles,
    disable_account,
    enable_account,
    end_session,
    hire_staff,
    reset_totp,
)
from hospital_core.registry.staff.states import Profession, StaffRole
from hospital_core.registry.staff.views import SessionOpened
from tests.fixtures.people import PASSWORD, MadeStaff, make_place, make_staff, unique

pytestmark = pytest.mark.usefixtures("core")
ANYBODY = Context(Actor(ActorKind.ANONYMOUS))
READING = Reading(system_context())


async def _sign_in(staff: MadeStaff, *, password: str = PASSWORD, totp: str | None = None) -> SessionOpened:
    command = BeginSession(login=staff.login, password=SecretStr(password), totp=totp or staff.totp())
    return await log_in(ANYBODY, command)


async def _security_admin() -> MadeStaff:
    return await make_staff(roles=[StaffRole.SECURITY_ADMIN], profession=Profession.ADMINISTRATIVE)


# Roles


def test_given_the_three_administrators_then_none_holds_what_another_is_for() -> None:
    system, security, audit = (
        ROLE_PERMISSIONS[role] for role in (StaffRole.SYSTEM_ADMIN, StaffRole.SECURITY_ADMIN, StaffRole.AUDIT_ADMIN)
    )
    assert {Permission.STAFF_MANAGE, Permission.DEVICE_MANAGE, Permission.PRICE_MANAGE} <= system
    assert system.isdisjoint({Permission.ROLES_ASSIGN, Permission.AUDIT_READ, Permission.BREAK_GLASS_REVIEW})
    assert {Permission.ROLES_ASSIGN, Permission.ACCOUNT_DISABLE, Permission.BREAK_GLASS_REVIEW} <= security
    assert security.isdisjoint({Permission.STAFF_MANAGE, Permission.DEVICE_MANAGE, Permission.AUDIT_READ})
    assert audit == {Permission.AUDIT_READ}


def test_given_every_role_then_every_permission_is_held_by_somebody() -> None:
    assert set(ROLE_PERMISSIONS) == set(StaffRole)
    assert permissions_of(StaffRole) == set(Permission)


async def test_given_two_administrators_on_one_account_then_it_is_refused_by_service_and_database() -> None:
    staff, chief = await make_staff(), await _security_admin()
    pair = [StaffRole.SYSTEM_ADMIN, StaffRole.AUDIT_ADMIN]
    with pytest.raises(errors.RolesNotSeparated):
        await run(chief.ctx(), change_roles, ChangeRoles(staff_id=staff.staff_id, roles=pair))

    async def around_the_service(uow: UnitOfWork, _: Empty) -> None:
        await uow.execute(
            "UPDATE staff_account SET roles = $2 WHERE id = $1", staff.account_id, [r.value for r in pair]
        )

    with pytest.raises(errors.RolesNotSeparated):
        await run(system_context(), around_the_service, Empty())


async def test_given_oneself_then_roles_account_and_second_factor_stay_as_they_are() -> None:
    chief = await _security_admin()
    with pytest.raises(errors.OwnAccount):
        await run(chief.ctx(), change_roles, ChangeRoles(staff_id=chief.staff_id, roles=[StaffRole.DOCTOR]))
    with pytest.raises(errors.OwnAccount):
        await run(chief.ctx(), disable_account, DisableAccount(staff_id=chief.staff_id))
    with pytest.raises(errors.OwnAccount):
        await run(chief.ctx(), reset_totp, ResetTotp(staff_id=chief.staff_id))


async def test_given_the_system_administrator_then_accounts_without_roles_only() -> None:
    admin = await make_staff(roles=[StaffRole.SYSTEM_ADMIN])
    department_id, _ = await make_place()
    command = HireStaff(staff_no=unique("S"), name="单雄信", profession=Profession.NURSE, department_id=department_id)
    hired = await run(admin.ctx(), hire_staff, command)
    opening = OpenStaffAccount(staff_id=hired.id, login=unique("u"), password=SecretStr(PASSWORD))
    with pytest.raises(Forbidden):
        await open_staff_account(admin.ctx(), opening.model_copy(update={"roles": [StaffRole.NURSE]}))
    account = await open_staff_account(admin.ctx(), opening)
    assert (account.roles, account.totp) == ([], None)
    with pytest.raises(Forbidden):
        await run(admin.ctx(), change_roles, ChangeRoles(staff_id=hired.id, roles=[StaffRole.NURSE]))
    with pytest.raises(errors.AccountExists):
        await open_staff_account(admin.ctx(), opening.model_copy(update={"login": unique("u")}))
    found = await staff_members(READING, q="sxx", department_id=department_id)
    assert [(item.name, item.login) for item in found.items] == [("单雄信", account.login)]


@pytest.mark.parametrize("role", [role for role in StaffRole if role is not StaffRole.SYSTEM_ADMIN])
async def test_given_any_other_role_then_nobody_is_hired(role: StaffRole) -> None:
    ctx = Context(Actor(ActorKind.STAFF, new_id(), permissions=frozenset(permissions_of([role]))))
    command = HireStaff(staff_no=unique("S"), name="某人", profession=Profession.NURSE, department_id=new_id())
    with pytest.raises(Forbidden):
        await run(ctx, hire_staff, command)


async def test_given_a_taken_number_or_login_or_an_unknown_person_then_it_is_said() -> None:
    staff = await make_staff()
    no = (await staff_member(READING, staff.staff_id)).staff_no
    again = HireStaff(staff_no=no, name="某人", profession=Profession.NURSE, department_id=staff.department_id)
    with pytest.raises(errors.StaffNoTaken):
        await run(system_context(), hire_staff, again)
    other = await run(system_context(), hire_staff, again.model_copy(update={"staff_no": unique("S")}))
    opening = OpenStaffAccount(staff_id=other.id, login=staff.login.upper(), password=SecretStr(PASSWORD))
    with pytest.raises(errors.LoginTaken):
        await open_staff_account(system_context(), opening)
    with pytest.raises(NotFound):
        await open_staff_account(
            system_context(), opening.model_copy(update={"staff_id": new_id(), "login": unique("u")})
        )


# Passwords


@pytest.mark.parametrize("password", ["short", "1qaz2wsx3edc", "Password123", "aaaaaaaaaaab", "login-itself"])
def test_given_a_weak_password_then_it_is_refused(password: str) -> None:
    with pytest.raises(errors.PasswordWeak):
        passwords.check_password(password, "Login-Itself")


def test_given_the_dummy_hash_then_verifying_it_costs_what_real_ones_cost() -> None:
    assert passwords._HASHER.check_needs_rehash(passwords.DUMMY_HASH) is False


async def test_given_a_password_then_nothing_of_it_is_stored_or_shown() -> None:
    staff = await make_staff(roles=[StaffRole.MANAGER])
    row = await READING.fetch_row("SELECT * FROM staff_account WHERE id = $1", staff.account_id)
    assert row is not None
    assert row["password_hash"].startswith("$argon2id$")
    assert staff.totp_secret is not None
    assert staff.totp_secret.encode() not in bytes(row["totp_secret"])
    assert PASSWORD not in repr(BeginSession(login="x", password=SecretStr(PASSWORD)))


def _choose(new: str, *, old: str = PASSWORD) -> ChangeOwnPassword:
    return ChangeOwnPassword(old_password=SecretStr(old), new_password=SecretStr(new))


def _in_session(opened: SessionOpened) -> Context:
    return Context(Actor(ActorKind.STAFF, opened.staff_id, session_id=opened.session_id))


async def test_given_ones_own_new_password_then_it_alone_opens_and_only_this_session_goes_on() -> None:
    staff = await make_staff()
    here, elsewhere = await _sign_in(staff), await _sign_in(staff)
    await change_own_password(_in_session(here), _choose("purple giraffe 42"))
    assert await session_of(READING, here.token) is not None
    assert await session_of(READING, elsewhere.token) is None
    told = await READING.fetch_value("SELECT count(*) FROM revocation WHERE subject_id = $1", elsewhere.session_id)
    assert told == 1
    with pytest.raises(errors.SignInRefused):
        await _sign_in(staff)
    assert (await _sign_in(staff, password="purple giraffe 42")).staff_id == staff.staff_id
    lines = await READING.fetch("SELECT detail FROM audit_row WHERE action = 'staff.replace_password' "
                                "AND object_id = $1", staff.account_id)  # fmt: skip
    assert [line["detail"] for line in lines] == ["{}"]


async def test_given_a_weak_or_the_same_password_then_the_old_one_stays() -> None:
    staff = await make_staff()
    here = _in_session(await _sign_in(staff))
    for weak in ("short", staff.login.upper(), "1qaz2wsx3edc", PASSWORD):
        with pytest.raises(errors.PasswordWeak):
            await change_own_password(here, _choose(weak))
    assert (await _sign_in(staff)).staff_id == staff.staff_id
    with pytest.raises(Unauthenticated):
        await change_own_password(ANYBODY, _choose("purple giraffe 42"))


async def test_given_guesses_at_the_old_password_then_five_are_allowed_and_the_session_goes_on() -> None:
    staff = await make_staff()
    opened = await _sign_in(staff)
    for _ in range(5):
        with pytest.raises(errors.OldPasswordWrong):
            await change_own_password(_in_session(opened), _choose("purple giraffe 42", old="a guess at it"))
    with pytest.raises(TooManyAttempts):
        await change_own_password(_in_session(opened), _choose("purple giraffe 42"))
    assert await session_of(READING, opened.token) is not None


async def test_given_two_changes_at_once_then_one_wins_and_its_password_opens() -> None:
    staff = await make_staff()
    here = _in_session(await _sign_in(staff))
    chosen = ["purple giraffe 42", "orange elephant 7"]
    results = await asyncio.gather(*(change_own_password(here, _choose(new)) for new in chosen), return_exceptions=True)
    (winner,) = [new for new, result in zip(chosen, results, strict=True) if not isinstance(result, BaseException)]
    assert sum(isinstance(result, errors.OldPasswordWrong) for result in results) == 1
    assert (await _sign_in(staff, password=winner)).staff_id == staff.staff_id


async def test_given_a_password_that_a_colleague_chose_then_nothing_is_permitted_before_another() -> None:
    admin, chief = await make_staff(roles=[StaffRole.SYSTEM_ADMIN]), await _security_admin()
    department_id, _ = await make_place()
    hire = HireStaff(staff_no=unique("S"), name="新来的", profession=Profession.NURSE, department_id=department_id)
    hired = await run(admin.ctx(), hire_staff, hire)
    login = unique("u")
    await open_staff_account(
        admin.ctx(), OpenStaffAccount(staff_id=hired.id, login=login, password=SecretStr(PASSWORD))
    )
    await run(chief.ctx(), change_roles, ChangeRoles(staff_id=hired.id, roles=[StaffRole.NURSE]))
    opened = await log_in(ANYBODY, BeginSession(login=login, password=SecretStr(PASSWORD)))
    assert (opened.must_change_password, opened.roles, opened.permissions) == (True, [StaffRole.NURSE], [])
    before = await session_of(READING, opened.token)
    assert before is not None
    assert before.actor().permissions == frozenset()
    await change_own_password(_in_session(opened), _choose("purple giraffe 42"))
    after = await session_of(READING, opened.token)
    assert after is not None
    assert (after.must_change_password, Permission.QUEUE_CALL in after.permissions) == (False, True)


# Log-in


async def test_given_the_right_password_then_a_session_of_twelve_hours_with_its_rights() -> None:
    staff = await make_staff()
    opened = await _sign_in(staff)
    session = await session_of(READING, opened.token)
    assert session is not None
    assert session.actor() == Actor(
        ActorKind.STAFF, staff.staff_id, permissions=frozenset(permissions_of([StaffRole.DOCTOR])),
        session_id=opened.session_id,
    )  # fmt: skip
    assert timedelta(hours=11, minutes=59) < session.expires_at - session.last_seen_at <= timedelta(hours=12)
    assert opened.csrf_token == csrf_token_of(opened.token)
    assert opened.csrf_token != opened.token
    assert session.csrf_matches(opened.csrf_token)
    assert not session.csrf_matches(opened.token)
    kept = await READING.fetch_row("SELECT token_hash, csrf_hash FROM staff_session WHERE id = $1", opened.session_id)
    assert kept is not None
    assert opened.token.encode() not in bytes(kept["token_hash"])
    assert opened.token not in repr(opened)
    assert await session_of(READING, opened.token[:-1] + "x") is None


async def test_given_a_wrong_password_or_an_unknown_login_then_the_answers_and_locks_are_the_same() -> None:
    staff = await make_staff()
    for login in (staff.login, unique("nobody")):
        for _ in range(5):
            with pytest.raises(errors.SignInRefused):
                await log_in(ANYBODY, BeginSession(login=login, password=SecretStr("not the password")))
        with pytest.raises(TooManyAttempts):
            await log_in(ANYBODY, BeginSession(login=login, password=SecretStr(PASSWORD)))
    refused = await READING.fetch("SELECT detail FROM audit_row WHERE action = 'attempts.staff_login'")
    assert len(refused) >= 10
    assert not any(staff.login in row["detail"] for row in refused)


async def test_given_an_unknown_login_then_it_takes_as_long_as_a_known_one() -> None:
    """Compared by the work done, not the clock: both verify one argon2 hash."""
    verified: list[str] = []
    original = passwords._verify

    def counting(password_hash: str, password: str) -> bool:
        verified.append(password_hash)
        return original(password_hash, password)

    staff = await make_staff()
    passwords._verify = counting
    try:
        for login in (staff.login, unique("nobody")):
            with pytest.raises(errors.SignInRefused):
                await log_in(ANYBODY, BeginSession(login=login, password=SecretStr("not the password")))
    finally:
        passwords._verify = original
    assert len(verified) == 2
    assert verified[1] == passwords.DUMMY_HASH


async def test_given_twenty_parallel_wrong_guesses_and_a_right_one_then_only_five_learn_they_were_wrong() -> None:
    staff = await make_staff()
    wrong = (_sign_in(staff, password=f"wrong guess {n}") for n in range(20))
    results = await asyncio.gather(*wrong, return_exceptions=True)
    assert sum(isinstance(result, errors.SignInRefused) for result in results) == 5
    assert sum(isinstance(result, TooManyAttempts) for result in results) == 15
    with pytest.raises(TooManyAttempts):
        await _sign_in(staff)


async def test_given_a_privileged_role_then_a_code_is_needed_and_each_works_once() -> None:
    chief = await _security_admin()
    with pytest.raises(errors.TotpNeeded):
        await log_in(ANYBODY, BeginSession(login=chief.login, password=SecretStr(PASSWORD)))
    assert chief.totp_secret is not None
    code = pyotp.TOTP(chief.totp_secret).now()
    results = await asyncio.gather(*(_sign_in(chief, totp=code) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(result, SessionOpened) for result in results) == 1
    assert sum(isinstance(result, errors.SignInRefused) for result in results) == 3


async def test_given_codes_of_other_times_then_one_step_to_either_side_is_right_and_no_more() -> None:
    chief = await _security_admin()
    assert chief.totp_secret is not None
    totp, now = pyotp.TOTP(chief.totp_secret), time.time()
    with pytest.raises(errors.SignInRefused):
        await _sign_in(chief, totp=totp.at(now - 90))
    with pytest.raises(errors.SignInRefused):
        await _sign_in(chief, totp=totp.at(now + 95))
    assert (await _sign_in(chief, totp=totp.at(time.time() + 30))).staff_id == chief.staff_id
    with pytest.raises(errors.SignInRefused):
        await _sign_in(chief, totp=totp.at(time.time()))


# Sessions


async def test_given_the_end_of_a_session_then_its_token_is_dead_and_its_revocation_told() -> None:
    staff = await make_staff()
    opened, other = await _sign_in(staff), await _sign_in(staff)
    before = await READING.fetch_value("SELECT hospital_now()")
    ctx = Context(Actor(ActorKind.STAFF, staff.staff_id, session_id=opened.session_id))
    await run(ctx, end_session, Empty())
    assert await session_of(READING, opened.token) is None
    assert await session_of(READING, other.token) is not None
    told = {(r.subject_kind, r.subject_id) for r in await revocations.revoked_since(READING, before)}
    assert (SubjectKind.STAFF_SESSION, opened.session_id) in told
    assert (SubjectKind.STAFF_SESSION, other.session_id) not in told
    with pytest.raises(Unauthenticated):
        await run(ANYBODY, end_session, Empty())


async def test_given_a_change_of_roles_or_a_disabled_account_then_every_session_ends_at_once() -> None:
    staff, chief = await make_staff(), await _security_admin()
    sessions = [await _sign_in(staff), await _sign_in(staff)]
    roles = [StaffRole.NURSE, StaffRole.REGISTRAR]
    changed = await run(chief.ctx(), change_roles, ChangeRoles(staff_id=staff.staff_id, roles=roles))
    assert (changed.roles, changed.totp) == (roles, None)
    assert [await session_of(READING, session.token) for session in sessions] == [None, None]
    fresh = await _sign_in(staff)
    assert Permission.WALK_IN_REGISTER in fresh.permissions
    assert Permission.ENCOUNTER_CONDUCT not in fresh.permissions
    await run(chief.ctx(), disable_account, DisableAccount(staff_id=staff.staff_id))
    assert await session_of(READING, fresh.token) is None
    with pytest.raises(errors.SignInRefused):
        await _sign_in(staff)
    ids = {session.session_id for session in [*sessions, fresh]}
    rows = await READING.fetch(
        "SELECT DISTINCT subject_id FROM revocation WHERE subject_id = ANY($1::uuid[])", list(ids)
    )
    assert {row["subject_id"] for row in rows} == ids


async def test_given_a_disabled_account_then_the_security_administrator_opens_it_again_as_it_was() -> None:
    staff, chief = await make_staff(roles=[StaffRole.NURSE]), await _security_admin()
    before = await _sign_in(staff)
    await run(chief.ctx(), disable_account, DisableAccount(staff_id=staff.staff_id))
    for _ in range(2):
        await run(chief.ctx(), enable_account, EnableAccount(staff_id=staff.staff_id))
    assert await session_of(READING, before.token) is None, "what ended stays ended"
    assert (await _sign_in(staff)).roles == [StaffRole.NURSE]
    with pytest.raises(errors.OwnAccount):
        await run(chief.ctx(), enable_account, EnableAccount(staff_id=chief.staff_id))
    with pytest.raises(NotFound):
        await run(chief.ctx(), enable_account, EnableAccount(staff_id=new_id()))


async def test_given_a_privileged_role_for_the_first_time_then_the_answer_shows_the_secret_once() -> None:
    staff, chief = await make_staff(), await _security_admin()
    command = ChangeRoles(staff_id=staff.staff_id, roles=[StaffRole.MANAGER])
    first = await run(chief.ctx(), change_roles, command)
    assert first.totp is not None
    assert first.totp.uri.startswith("otpauth://totp/")
    assert (await run(chief.ctx(), change_roles, command)).totp is None
    assert (await _sign_in(staff, totp=pyotp.TOTP(first.totp.secret).now())).roles == [StaffRole.MANAGER]
    again = await run(chief.ctx(), reset_totp, ResetTotp(staff_id=staff.staff_id))
    with pytest.raises(errors.SignInRefused):
        await _sign_in(staff, totp=pyotp.TOTP(first.totp.secret).now())
    assert (await _sign_in(staff, totp=pyotp.TOTP(again.secret).now())).staff_id == staff.staff_id


async def test_given_half_an_hour_of_silence_then_the_session_is_over_but_touching_keeps_it() -> None:
    staff = await make_staff()
    idle, busy = await _sign_in(staff), await _sign_in(staff)
    for session, minutes in ((idle, 31), (busy, 29)):
        await READING.fetch(
            "UPDATE staff_session SET last_seen_at = last_seen_at - $2::interval WHERE id = $1 RETURNING 1",
            session.session_id, timedelta(minutes=minutes),
        )  # fmt: skip
    assert await session_of(READING, idle.token) is None
    looked = await session_of(READING, busy.token, touch=False)
    assert looked is not None
    touched = await session_of(READING, busy.token)
    assert touched is not None
    assert touched.last_seen_at == looked.last_seen_at, "looking did not keep it awake"
    after = await session_of(READING, busy.token)
    assert after is not None
    assert after.last_seen_at > touched.last_seen_at


async def test_given_sign_ins_beside_a_change_of_roles_then_no_session_survives_with_the_old_ones() -> None:
    staff, chief = await make_staff(), await _security_admin()
    change = run(chief.ctx(), change_roles, ChangeRoles(staff_id=staff.staff_id, roles=[StaffRole.NURSE]))
    *opened, _ = await asyncio.gather(*(_sign_in(staff) for _ in range(6)), change)
    for session in opened:
        live = await session_of(READING, session.token)
        assert live is None or live.roles == session.roles == [StaffRole.NURSE]


@pytest.mark.parametrize(
    "body",
    [
        {"login": "a" * 81, "password": "x"},
        {"login": "ok", "password": ""},
        {"login": "ok", "password": "x" * 129},
        {"login": "ok", "password": "x", "totp": "12345"},
        {"login": "ok\x00", "password": "x"},
        {"login": "ok", "password": "x", "roles": ["system_admin"]},
    ],
)
def test_given_a_malformed_log_in_then_it_is_refused_before_anything_is_asked(body: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        BeginSession.model_validate(body)


async def test_given_staff_commands_without_rights_then_all_are_forbidden() -> None:
    staff = await make_staff()
    target = staff.staff_id
    calls: list[tuple[Any, Any]] = [
        (change_roles, ChangeRoles(staff_id=target, roles=[StaffRole.DOCTOR])),
        (disable_account, DisableAccount(staff_id=target)),
        (enable_account, EnableAccount(staff_id=target)),
        (reset_totp, ResetTotp(staff_id=target)),
    ]
    doctor = await make_staff()
    for ctx in (ANYBODY, doctor.ctx(), Context(Actor(ActorKind.ACCOUNT, new_id()))):
        for service, command in calls:
            with pytest.raises(Forbidden):
                await run(ctx, service, command)
