"""Scenarios about places (号源): many who want few, a line that is kept, a clinic that does not take place."""

import asyncio
import time
from typing import Any
from uuid import uuid4

from backend.visit.scenarios.scene import APPOINTMENTS, Person, Scene

_WAITLIST = "/api/miniapp/v1/waitlist"
_DISRUPTIONS = "/api/miniapp/v1/disruptions"


async def rush(scene: Scene, people: int) -> None:
    """Everybody wants one of a few numbers in the same second (放号高峰)."""
    people = max(people, 40)
    places = people // 3
    session, crowd = await scene.session(places), await scene.people(people)
    began = time.monotonic()
    took: list[float] = []

    async def one(person: Person) -> bool:
        since = time.monotonic()
        booked = await person.book(session["schedule_id"])
        took.append((time.monotonic() - since) * 1000)
        return booked

    won = await asyncio.gather(*(one(person) for person in crowd))
    seconds = time.monotonic() - began
    numbers = sorted(person.appointment["number"] for person, has in zip(crowd, won, strict=True) if has)
    scene.prove(f"{people} ask at once for {places} numbers: {places} have one", sum(won) == places, sum(won))
    scene.prove("each number once, none left out", numbers == list(range(1, places + 1)), f"1…{numbers[-1]}")
    slots = (await crowd[0].phone.get(f"/api/miniapp/v1/schedules/{session['schedule_id']}/slots"))["items"]
    scene.prove("nobody sees a free number any more", not any(slot["free"] for slot in slots))
    own = await asyncio.gather(*(_appointments(person) for person in crowd))
    scene.prove("every phone shows what it was told", [len(items) for items in own] == [int(has) for has in won])
    scene.prove("answers are quick", max(took) < 10_000, f"slowest {max(took):.0f} ms, all within {seconds:.1f} s")
    twins = await _tapped_twice(scene, await scene.session(3))
    scene.prove("two taps with one key are one booking, and one answer", len(twins) == 1, len(twins))
    await scene.stop(session)


async def _appointments(person: Person) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await person.phone.get(APPOINTMENTS))["items"]
    return items


async def _tapped_twice(scene: Scene, session: dict[str, Any]) -> set[str]:
    person = await scene.person()
    body = {"patient_id": person.patient_id, "schedule_id": session["schedule_id"]}
    headers = {**person.phone.headers, "Idempotency-Key": str(uuid4())}
    taps = [person.phone.http.post(APPOINTMENTS, json=body, headers=headers) for _ in range(5)]
    answers = await asyncio.gather(*taps)
    ids = {answer.json()["id"] if answer.is_success else str(answer.status_code) for answer in answers}
    ids |= {item["id"] for item in await _appointments(person)}
    await scene.stop(session)
    return ids


async def waitlist(scene: Scene, _: int) -> None:
    """A full clinic, two who wait, one who tries all the time (候补)."""
    session = await scene.session(1)
    holder, first, second, eager = await scene.people(4)
    await holder.book(session["schedule_id"])
    await holder.pay()
    lined = [await _line_up(scene, person, session) for person in (first, second)]
    scene.prove("two wait, in their order", [entry["position"] for entry in lined] == [1, 2])
    scene.prove("who does not wait cannot book", not await eager.book(session["schedule_id"]))
    tries: list[bool] = []
    trying = asyncio.create_task(_keep_trying(eager, session, tries))
    await holder.phone.post(f"{holder.path}/cancel")
    offered, seconds = await _until_entry(scene, first, lined[0]["id"], "offered")
    scene.prove("the place comes back and is offered to the first", offered["offer"] is not None, f"{seconds:.1f} s")
    await first.phone.post(f"{_WAITLIST}/{lined[0]['id']}/answer", {"accept": False})
    offered, seconds = await _until_entry(scene, second, lined[1]["id"], "offered")
    scene.prove("the first declines: it is the second's", offered["offer"] is not None, f"{seconds:.1f} s")
    second.appointment = {"id": offered["offer"]["appointment_id"]}
    await second.pay()
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)
    entry, _seconds = await _until_entry(scene, second, lined[1]["id"], "booked")
    scene.prove("paid: the place is the second's", (await second.look())[0] == "booked", entry["status"])
    scene.prove("who tried all the time got nothing", len(tries) > 0 and not any(tries), f"{len(tries)} tries")
    await holder.sees("cancelled", "refunded")
    scene.prove("who gave it back has their money", await holder.given_back() == [holder.appointment["fee_fen"]])
    await second.phone.post(f"{second.path}/cancel")
    await second.sees("cancelled", "refunded")
    await scene.stop(session)


async def _line_up(scene: Scene, person: Person, session: dict[str, Any]) -> dict[str, Any]:
    body = {
        "patient_id": person.patient_id, "department_id": session["department_id"], "staff_id": session["staff_id"],
        "day": session["starts_at"][:10], "period": "night",  # an evening in Shanghai is the same day in UTC
    }  # fmt: skip
    entry: dict[str, Any] = await person.phone.post(_WAITLIST, body)
    return entry


async def _keep_trying(person: Person, session: dict[str, Any], tries: list[bool]) -> None:
    while True:
        tries.append(await person.book(session["schedule_id"]))
        await asyncio.sleep(0.1)


async def _until_entry(scene: Scene, person: Person, entry_id: str, status: str) -> tuple[dict[str, Any], float]:
    entry: dict[str, Any] = {}

    async def is_so() -> bool:
        entry.update(await person.phone.get(f"{_WAITLIST}/{entry_id}"))
        return bool(entry["status"] == status)

    return entry, await scene.until(is_so, f"the entry is {status}")


async def stop_clinic(scene: Scene, _: int) -> None:
    """The doctor cannot come: everybody is asked once, and has their money or another place (停诊)."""
    session = await scene.session(5)
    other = await scene.session(5, beside=session)
    moved, refunded, third, holding, late = await scene.people(5)
    for person in (moved, refunded, third):
        await person.book(session["schedule_id"])
        await person.pay()
    await holding.book(session["schedule_id"])
    body = {"schedule_ids": [session["schedule_id"]], "reason": "医生临时停诊"}
    await scene.manager.post("/api/staff/v1/schedules/stop", body)
    scene.prove("nobody can book it any more", not await late.book(session["schedule_id"]))
    scene.prove("an unpaid hold ended at once", (await holding.look())[0] == "cancelled")
    asked = [await _questions(person) for person in (moved, refunded, third)]
    scene.prove("each of three paid patients is asked once", [len(one) for one in asked] == [1, 1, 1])
    await asyncio.gather(*(_until_told(scene, person) for person in (moved, refunded, third)))
    scene.prove("and told in a message", True, (await moved.messages())[0])
    await _answer(moved, asked[0][0], "move", other["schedule_id"])
    await moved.look()
    scene.prove("one moves to another doctor, without paying again",
                (moved.appointment["status"], moved.appointment["payment_status"]) == ("booked", "paid")
                and moved.appointment["doctor"] == other["doctor"], moved.appointment["doctor"])  # fmt: skip
    await asyncio.gather(*(_answer(refunded, asked[1][0], "refund") for _ in range(3)))
    seconds = await refunded.sees("cancelled", "refunded")
    back = await refunded.given_back()
    scene.prove("one takes the money back: three taps, one refund", back == [refunded.appointment["fee_fen"]],
                f"{sum(back) / 100:.2f} 元 after {seconds:.1f} s")  # fmt: skip
    scene.prove("who has not answered yet keeps the question", len(await _questions(third)) == 1)
    await _answer(third, asked[2][0], "refund")
    await third.sees("cancelled", "refunded")
    left = [await _questions(person) for person in (moved, refunded)]
    scene.prove("who has answered is not asked again", left == [[], []])
    await moved.phone.post(f"{moved.path}/cancel")
    await moved.sees("cancelled", "refunded")
    await scene.stop(other)


async def _until_told(scene: Scene, person: Person) -> None:
    async def is_told() -> bool:
        return any("停诊" in title for title in await person.messages())

    await scene.until(is_told, "a message about the stop")


async def _questions(person: Person) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await person.phone.get(_DISRUPTIONS))["items"]
    return [item for item in items if item["appointment_id"] == person.appointment["id"]]


async def _answer(person: Person, question: dict[str, Any], choice: str, schedule_id: str | None = None) -> None:
    body = {"choice": choice, "schedule_id": schedule_id}
    await person.phone.send("POST", f"{_DISRUPTIONS}/{question['id']}/answer", body=body, fine=(409,))
