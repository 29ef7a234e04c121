// Stripe's official Node library against the fake Stripe: a payment, its decline, a refund, the events, money that is
// reserved first.
// Usage: node stripe.mjs http://127.0.0.1:3001/_local/stripe
import assert from "node:assert/strict";
import Stripe from "stripe";

const base = new URL(process.argv[2]);
const node = Stripe.createNodeHttpClient();
// The library's base URL is host, port and protocol; a path in front of /v1 is the HTTP client's to add.
const httpClient = {
  getClientName: () => node.getClientName(),
  makeRequest: (host, port, path, ...rest) => node.makeRequest(host, port, base.pathname.replace(/\/$/, "") + path, ...rest),
};
const stripe = new Stripe("sk_test_peer", {
  host: base.hostname,
  port: base.port,
  protocol: base.protocol.replace(":", ""),
  httpClient,
  telemetry: false,
});

const since = Math.floor(Date.now() / 1000) - 1;
const customer = await stripe.customers.create({ email: "ana@example.com", metadata: { shop: "default" } });
const order = { amount: 1999, currency: "gbp", customer: customer.id, metadata: { order_id: `ord_${customer.id}` } };

const key = { idempotencyKey: `create-${customer.id}` };
const intent = await stripe.paymentIntents.create({ ...order, automatic_payment_methods: { enabled: true } }, key);
assert.equal(intent.status, "requires_payment_method");
const again = await stripe.paymentIntents.create({ ...order, automatic_payment_methods: { enabled: true } }, key);
assert.equal(again.id, intent.id);
assert.equal(again.lastResponse.headers["idempotent-replayed"], "true");
await assert.rejects(stripe.paymentIntents.create({ ...order, amount: 1 }, key), Stripe.errors.StripeIdempotencyError);

const declined = stripe.paymentIntents.confirm(intent.id, { payment_method: "pm_card_chargeDeclined" });
await assert.rejects(declined, (error) => {
  assert.ok(error instanceof Stripe.errors.StripeCardError);
  assert.equal(error.decline_code, "generic_decline");
  assert.equal(error.payment_intent.status, "requires_payment_method");
  return true;
});

const paid = await stripe.paymentIntents.confirm(intent.id, { payment_method: "pm_card_visa", expand: ["latest_charge"] });
assert.equal(paid.status, "succeeded");
assert.equal(paid.latest_charge.paid, true);

const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 999, reason: "requested_by_customer" });
assert.equal(refund.status, "succeeded");
await assert.rejects(
  stripe.refunds.create({ payment_intent: intent.id, amount: 1001 }),
  Stripe.errors.StripeInvalidRequestError,
);
assert.equal((await stripe.charges.retrieve(paid.latest_charge.id)).amount_refunded, 999);

const types = [];
for await (const event of stripe.events.list({ created: { gte: since }, limit: 3 })) {
  if (JSON.stringify(event.data.object).includes(intent.id)) types.push(event.type);
}
assert.deepEqual(types.reverse(), [
  "payment_intent.created",
  "charge.failed",
  "payment_intent.payment_failed",
  "charge.succeeded",
  "payment_intent.succeeded",
  "refund.created",
  "charge.refunded",
]);

const reserved = { amount: 900, currency: "gbp", capture_method: "manual", customer: customer.id };
const [taken, letGo] = [await stripe.paymentIntents.create(reserved), await stripe.paymentIntents.create(reserved)];
for (const held of [taken, letGo]) {
  const confirmed = await stripe.paymentIntents.confirm(held.id, { payment_method: "pm_card_visa" });
  assert.deepEqual([confirmed.status, confirmed.amount_capturable], ["requires_capture", 900]);
}
const part = await stripe.paymentIntents.capture(taken.id, { amount_to_capture: 500, expand: ["latest_charge"] });
assert.deepEqual([part.status, part.amount_received, part.amount_capturable], ["succeeded", 500, 0]);
assert.equal(part.latest_charge.amount_captured, 500);
const gone = await stripe.paymentIntents.cancel(letGo.id, { cancellation_reason: "requested_by_customer" });
assert.deepEqual([gone.status, gone.amount_capturable], ["canceled", 0]);
await assert.rejects(stripe.paymentIntents.capture(letGo.id), { code: "payment_intent_unexpected_state" });

const found = await stripe.paymentIntents.search({ query: `metadata['order_id']:'${order.metadata.order_id}'` });
assert.deepEqual(found.data.map((it) => it.id), [intent.id]);

assert.equal((await stripe.customers.del(customer.id)).deleted, true);
const stranger = new Stripe("sk_live_peer", { host: base.hostname, port: base.port, protocol: "http", httpClient });
await assert.rejects(stranger.customers.list(), Stripe.errors.StripeAuthenticationError);
console.log("stripe (npm): ok");
