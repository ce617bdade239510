"""Scenarios about money (资金): callbacks that never come, money that goes back, money that comes too late."""

import asyncio

from backend.visit.scenarios.scene import Person, Scene

_SETTLED_S = 60.0


async def lost_callback(scene: Scene, people: int) -> None:
    """WeChat took the money and every one of its notices is lost (掉单)."""
    count = max(5, min(people, 40))
    session, payers = await scene.session(count), await scene.people(count)
    for person in payers:
        await person.book(session["schedule_id"])

    async def pay(person: Person) -> float:
        payment = await person.open_sheet()
        await scene.fault("callback_drop", "TRANSACTION", person.order)
        await scene.wechat.pay(person.openid, payment["wechat"])
        return await person.sees("booked", "paid", _SETTLED_S)

    seconds = await asyncio.gather(*(pay(person) for person in payers))
    orders = [await scene.wechat.get(f"/_sim/orders/{person.order}") for person in payers]
    arrived = sum(attempt["status"] is not None for order in orders for notice in order["notifications"]
                  for attempt in notice["attempts"])  # fmt: skip
    scene.prove(f"{count} pay, no notice arrives", arrived == 0, arrived)
    scene.prove(f"all are settled within {_SETTLED_S:.0f} s, because the hospital asks", max(seconds) <= _SETTLED_S,
                f"slowest {max(seconds):.1f} s")  # fmt: skip
    scene.prove("each order was paid once", all(order["transaction_id"] for order in orders), len(orders))
    back = [await person.given_back() for person in payers]
    scene.prove("nobody's money went back", back == [[]] * count)
    await _all_back(payers)
    await scene.stop(session)


async def refund(scene: Scene, _: int) -> None:
    """A paid place is given back; the refund's own notice is lost for one, and comes three times for another (退费)."""
    session = await scene.session(3)
    plain, deaf, thrice = await scene.people(3)
    for person in (plain, deaf, thrice):
        await person.book(session["schedule_id"])
        await person.pay()
    await scene.fault("callback_drop", "REFUND", deaf.order)
    await scene.fault("callback_duplicate", "REFUND", thrice.order)
    fee = plain.appointment["fee_fen"]

    async def give_back(person: Person) -> float:
        taps = [person.phone.send("POST", f"{person.path}/cancel", body={}, fine=(409,)) for _ in range(3)]
        await asyncio.gather(*taps)
        return await person.sees("cancelled", "refunded", _SETTLED_S)

    seconds = await asyncio.gather(*(give_back(person) for person in (plain, deaf, thrice)))
    scene.prove("three taps on give back: one refund, of the whole fee", await plain.given_back() == [fee],
                f"{fee / 100:.2f} 元 after {seconds[0]:.1f} s")  # fmt: skip
    scene.prove("its notice is lost: the hospital asks and knows", await deaf.given_back() == [fee],
                f"after {seconds[1]:.1f} s")  # fmt: skip
    scene.prove("its notice comes again and again: still one refund", await thrice.given_back() == [fee],
                f"after {seconds[2]:.1f} s")  # fmt: skip
    scene.prove("paying again is refused",
                await plain.phone.send("POST", f"{plain.path}/pay", body={}, fine=(409,)) is None)  # fmt: skip
    another = await scene.person()
    scene.prove("the number is there for somebody else", await another.book(session["schedule_id"]))
    told = await plain.messages()
    scene.prove("the patient was told", any("退" in title for title in told), ", ".join(told))
    await scene.stop(session)


async def late_payment(scene: Scene, _: int) -> None:
    """The time to pay is over when the money comes: the place again if it is free, else the money back (迟到付款)."""
    roomy, tight = await scene.session(2), await scene.session(1)
    lucky, unlucky, other = await scene.people(3)

    await lucky.book(roomy["schedule_id"])
    number = lucky.appointment["number"]
    await lucky.open_sheet()
    await scene.fault("pay_before_close", "close", lucky.order)
    await scene.time_passes(lucky, tidied=True)
    seconds = await lucky.sees("booked", "paid")
    scene.prove("money comes in the moment the order is closed, the place is free: booked after all",
                lucky.appointment["number"] == number, f"no. {number} after {seconds:.1f} s")  # fmt: skip
    scene.prove("and nothing went back", await lucky.given_back() == [])

    await unlucky.book(tight["schedule_id"])
    sheet = await unlucky.open_sheet()
    await scene.time_passes(unlucky, tidied=False)
    scene.prove("a hold that lapsed is free at once, no cleaner needed", await other.book(tight["schedule_id"]))
    await other.pay()
    await scene.wechat.pay(unlucky.openid, sheet["wechat"])
    seconds = await unlucky.sees("cancelled", "refunded", _SETTLED_S)
    back, fee = await unlucky.given_back(), unlucky.appointment["fee_fen"]
    scene.prove("money comes for a place that is another's: all of it back, once", back == [fee],
                f"{fee / 100:.2f} 元 after {seconds:.1f} s")  # fmt: skip
    scene.prove("the other one keeps the place", await other.look() == ("booked", "paid"))
    told = await unlucky.messages()
    scene.prove("who was late was told", any("退" in title for title in told), ", ".join(told))
    await _all_back([lucky, other])
    for session in (roomy, tight):
        await scene.stop(session)


async def _all_back(people: list[Person]) -> None:
    for person in people:
        await person.phone.post(f"{person.path}/cancel")
    await asyncio.gather(*(person.sees("cancelled", "refunded", _SETTLED_S) for person in people))
