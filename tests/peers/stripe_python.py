"""Stripe's official Python library against the fake Stripe: a payment, its decline, a refund, the events, money that is
reserved first.

Usage: python stripe_python.py http://127.0.0.1:3001/_local/stripe
"""

import sys
import time

import stripe


def main(base: str) -> None:
    client = stripe.StripeClient("sk_test_peer", base_addresses={"api": base.rstrip("/")})
    since = int(time.time()) - 1
    customer = client.v1.customers.create({"email": "bo@example.com"})
    order = {"amount": 2500, "currency": "eur", "customer": customer.id, "metadata": {"order_id": customer.id}}
    key = {"idempotency_key": f"create-{customer.id}"}
    intent = client.v1.payment_intents.create(order, key)
    assert client.v1.payment_intents.create(order, key).id == intent.id

    try:
        client.v1.payment_intents.confirm(
            intent.id, {"payment_method": "pm_card_chargeDeclinedInsufficientFunds"}
        )
        raise AssertionError("a declined card must raise")
    except stripe.CardError as error:
        assert error.error.decline_code == "insufficient_funds", error.error

    challenged = client.v1.payment_intents.confirm(
        intent.id, {"payment_method": "pm_card_threeDSecure2Required", "return_url": "https://shop.example/back"}
    )
    assert challenged.status == "requires_action"
    assert challenged.next_action.type == "redirect_to_url"
    paid = client.v1.payment_intents.confirm(
        intent.id, {"payment_method": "pm_card_visa", "expand": ["latest_charge"]}
    )
    assert paid.status == "succeeded" and paid.latest_charge.captured

    refund = client.v1.refunds.create({"payment_intent": intent.id})
    assert (refund.status, refund.amount) == ("succeeded", 2500)
    try:
        client.v1.refunds.create({"payment_intent": intent.id})
        raise AssertionError("a second full refund must raise")
    except stripe.InvalidRequestError as error:
        assert error.code == "charge_already_refunded", error.code

    types = {
        event.type
        for event in client.v1.events.list({"created": {"gte": since}, "limit": 2}).auto_paging_iter()
        if intent.id in str(event.data.object)
    }
    expected = {
        "payment_intent.created", "payment_intent.payment_failed", "payment_intent.requires_action",
        "payment_intent.succeeded", "charge.failed", "charge.succeeded", "charge.refunded", "refund.created",
    }
    assert types == expected, types ^ expected

    reserved = {"amount": 900, "currency": "jpy", "capture_method": "manual"}
    taken, let_go = (client.v1.payment_intents.create(reserved) for _ in range(2))
    for held in (taken, let_go):
        assert held.status == "requires_payment_method"
        confirmed = client.v1.payment_intents.confirm(held.id, {"payment_method": "pm_card_visa"})
        assert (confirmed.status, confirmed.amount_capturable) == ("requires_capture", 900)
    part = client.v1.payment_intents.capture(taken.id, {"amount_to_capture": 500, "expand": ["latest_charge"]})
    assert (part.status, part.amount_received, part.amount_capturable) == ("succeeded", 500, 0)
    assert part.latest_charge.amount_captured == 500
    gone = client.v1.payment_intents.cancel(let_go.id, {"cancellation_reason": "requested_by_customer"})
    assert (gone.status, gone.amount_capturable) == ("canceled", 0)
    try:
        client.v1.payment_intents.capture(let_go.id)
        raise AssertionError("what was let go cannot be taken")
    except stripe.InvalidRequestError as error:
        assert error.code == "payment_intent_unexpected_state", error.code
    print("stripe (PyPI): ok")


if __name__ == "__main__":
    main(sys.argv[1])
