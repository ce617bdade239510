"""Splitting refunds over items: exact to the fen, never more than is left, whatever the parts."""

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hospital_core.finance.billing.errors import AlreadyPerformed, NothingToRefund, RefundNotDivisible
from hospital_core.finance.billing.refunding import RefundableItem, RefundedPart, split_refund, take_lines
from hospital_core.finance.payments.allocating import TenderShare, allocate, allocate_amount
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.money import fen_of
from hospital_core.registry.catalogue.states import FeeCategory

PRICES = st.decimals(min_value=0, max_value=2000, places=4)
QUANTITIES = st.decimals(min_value="0.001", max_value=40, places=3)


@st.composite
def fresh_items(draw: st.DrawFn) -> list[RefundableItem]:
    return [
        RefundableItem(new_id(), draw(PRICES), draw(QUANTITIES), Decimal(0), Decimal(0))
        for _ in range(draw(st.integers(1, 4)))
    ]


@settings(max_examples=300, deadline=None, database=None)
@given(fresh_items(), st.lists(st.integers(1, 5000), max_size=8))
def test_given_any_parts_then_items_always_explain_them_and_the_rest_completes_the_total(
    items: list[RefundableItem], parts_fen: list[int]
) -> None:
    total_fen, given_fen = sum(fen_of(item.unit_price, item.quantity) for item in items), 0
    for part_fen in [*parts_fen, None]:
        try:
            amount_fen, quantities = split_refund(items, part_fen)
        except (NothingToRefund, RefundNotDivisible):
            continue
        given_fen += amount_fen
        items = [
            RefundableItem(i.id, i.unit_price, i.quantity, i.performed, quantities.get(i.id, i.refunded)) for i in items
        ]
        assert all(0 <= item.refunded <= item.quantity for item in items)
        assert sum(fen_of(item.unit_price, item.refunded) for item in items) == given_fen
    assert given_fen == total_fen


@settings(max_examples=200, deadline=None, database=None)
@given(PRICES, QUANTITIES, st.data())
def test_given_a_performed_part_then_it_is_never_given_back(
    price: Decimal, quantity: Decimal, data: st.DataObject
) -> None:
    performed = data.draw(st.decimals(min_value=0, max_value=quantity, places=3))
    item = RefundableItem(new_id(), price, quantity, performed, Decimal(0))
    try:
        amount_fen, quantities = split_refund([item], None)
    except (AlreadyPerformed, NothingToRefund):
        assert item.rest_fen == 0
        return
    assert quantities[item.id] + performed == quantity
    assert amount_fen == fen_of(price, quantity - performed)


@settings(max_examples=300, deadline=None, database=None)
@given(fresh_items(), st.data())
def test_given_named_lines_then_each_gives_back_its_quantity_and_never_more_than_is_left(
    items: list[RefundableItem], data: st.DataObject
) -> None:
    given_fen = 0
    for _ in range(3):
        wanted = {
            item.id: data.draw(st.decimals(min_value="0.001", max_value=40, places=3))
            for item in data.draw(st.lists(st.sampled_from(items), min_size=1, unique_by=lambda item: item.id))
        }
        try:
            quantities = take_lines(items, wanted)
        except NothingToRefund:
            continue
        given_fen += sum(item.part_fen(quantities[item.id]) for item in items if item.id in quantities)
        items = [
            RefundableItem(i.id, i.unit_price, i.quantity, i.performed, quantities.get(i.id, i.refunded)) for i in items
        ]
        assert all(item.refunded <= item.quantity for item in items)
        assert sum(fen_of(item.unit_price, item.refunded) for item in items) == given_fen
    with pytest.raises(NothingToRefund):
        take_lines(items, {new_id(): Decimal(1)})


PARTS = st.lists(
    st.builds(
        RefundedPart,
        st.uuids(),
        st.sampled_from(list(FeeCategory)),
        st.decimals(min_value="0.001", max_value=9, places=3),
        st.integers(0, 9999),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda part: part.charge_item_id,
)
RESTS = st.lists(st.tuples(st.uuids(), st.integers(0, 9999)), min_size=1, max_size=5, unique_by=lambda rest: rest[0])


@settings(max_examples=300, deadline=None, database=None)
@given(PARTS, RESTS)
def test_given_parts_and_tenders_then_the_newest_pay_first_and_every_fen_has_its_item(
    parts: list[RefundedPart], rests: list[tuple[UUID, int]]
) -> None:
    total_fen = sum(part.amount_fen for part in parts)
    shares = allocate(parts, rests)
    if total_fen > sum(rest_fen for _, rest_fen in rests):
        assert shares is None
        return
    if total_fen == 0:
        return
    assert shares is not None
    left = dict(rests)
    for share in shares:
        assert 0 < share.amount_fen <= left[share.intent_id]
        assert share.amount_fen == sum(part.amount_fen for part in share.parts)
    assert all(share.amount_fen == left[share.intent_id] for share in shares[:-1]), "only the last is not used up"
    for part in parts:
        mine = [p for share in shares for p in share.parts if p.charge_item_id == part.charge_item_id]
        assert sum(p.amount_fen for p in mine) == part.amount_fen
        assert sum(p.quantity for p in mine) == part.quantity
    assert allocate_amount(total_fen, rests) == [TenderShare(s.intent_id, s.amount_fen, ()) for s in shares]
