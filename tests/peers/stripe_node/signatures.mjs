// What Stripe's Node library says of each header that comes in, beside what the Python library said of it.
// Usage: see ../stripe_signatures.py
import { createInterface } from "node:readline";
import Stripe from "stripe";

const { webhooks } = new Stripe("sk_test_peer");

function accepts({ body, header, secret }) {
  try {
    return webhooks.signature.verifyHeader(body, header, secret, 300);
  } catch {
    return false;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const known = JSON.parse(line);
  known.accepted_by.node = accepts(known);
  process.stdout.write(`${JSON.stringify(known)}\n`);
}
