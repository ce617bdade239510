"""Splitting refunds over items: exact to the fen, never more than is left, whatever the parts."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from hospital_core.finance.billing.errors import AlreadyPerformed, NothingToRefund, RefundNotDivisible
from hospital_core.finance.billing.refunding import RefundableItem, split_refund
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.money import fen_of

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
