"""Twelve thousand headers, good and broken, and what Stripe's Python library says of each, one JSON object a line.

Usage: python stripe_signatures.py | node stripe_node/signatures.mjs | cargo run -p app --example signatures
"""

import hashlib
import hmac
import json
import random
import time

import stripe

SECRET = "whsec_peers"
TOLERANCE = 300
CASES = 12_000
HEX = "0123456789abcdef"


def sign(body: str, at: int, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()


def noise(rng: random.Random, length: int) -> str:
    return "".join(rng.choice(HEX) for _ in range(length))


def mutated(rng: random.Random, text: str) -> str:
    place = rng.randrange(len(text))
    other = rng.choice("tv1=, 0fA_+é")
    return rng.choice([
        text[:place] + text[place + 1 :],
        text[:place] + other + text[place:],
        text[:place] + other + text[place + 1 :],
        text[place:] + text[:place],
    ])


def header(rng: random.Random, kind: str, body: str, now: int) -> tuple[str, str]:
    """The header of one kind, and the body that comes with it."""
    at = now - rng.randint(-200, 200)
    good = sign(body, at)
    others = [f"v1={noise(rng, 64)}" for _ in range(rng.randint(1, 14))]
    match kind:
        case "plain":
            return f"t={at},v1={good}", body
        case "one of several":
            others.insert(rng.randint(0, len(others)), f"v1={good}")
            return ",".join([f"t={at}", *others]), body
        case "other schemes":
            return f"v0={noise(rng, 64)},v1={good},t={at},x=y,z", body
        case "other secret":
            return f"t={at},v1={sign(body, at, 'whsec_other')}", body
        case "other body":
            return f"t={at},v1={good}", body + rng.choice([" ", "\n", "x"])
        case "other instant":
            return f"t={at + rng.choice([-1, 1, 60])},v1={good}", body
        case "other digit":
            place = rng.randrange(64)
            return f"t={at},v1={good[:place]}{noise(rng, 1)}{good[place + 1:]}", body
        case "other length":
            return f"t={at},v1={good[: rng.randint(0, 63)]},v1={good}{noise(rng, rng.randint(1, 8))}", body
        case "capitals":
            return f"t={at},v1={good.upper()}", body
        case "lacks something":
            return rng.choice(["", ",", "=", f"t={at}", f"v1={good}", f"t=,v1={good}", f"t={at},v1=", f"t={at},v1", f"t,v1={good}"]), body
        case "spaces":
            return rng.choice([f" t={at},v1={good}", f"t={at}, v1={good}", f"t={at} ,v1={good}", f"t= {at},v1={good}", f"t={at},v1={good} "]), body
        case "more signs":
            return rng.choice([f"t={at},v1={good}=x", f"t={at}=5,v1={good}", f"t=={at},v1={good}", f"t={at},v1=={good}", f"t={at},v1={good},v1"]), body
        case "odd instant":
            return rng.choice([f"t=+{at},v1={good}", f"t=0{at},v1={good}", f"t={at}x,v1={good}", f"t={at}.0,v1={good}", f"t=0x1,v1={good}", f"t=x,v1={good}"]), body
        case "two instants":
            instants = [at, rng.choice([at, at + 1])]
            rng.shuffle(instants)
            return f"t={instants[0]},t={instants[1]},v1={good}", body
        case "stale":
            old = now - rng.randint(TOLERANCE + 60, 400_000)
            return f"t={old},v1={sign(body, old)}", body
        case "from the future":
            late = now + rng.randint(TOLERANCE + 60, 400_000)
            return f"t={late},v1={sign(body, late)}", body
        case "behind a crowd":
            return ",".join([f"t={at}", *([f"v1={noise(rng, 64)}"] * rng.randint(16, 40)), f"v1={good}"]), body
        case _:
            return mutated(rng, rng.choice([f"t={at},v1={good}", f"v1={good},t={at},v1={noise(rng, 64)}"])), body


KINDS = [
    "plain", "one of several", "other schemes", "other secret", "other body", "other instant", "other digit", "other length",
    "capitals", "lacks something", "spaces", "more signs", "odd instant", "two instants", "stale", "from the future",
    "behind a crowd", "mutated", "mutated", "mutated",
]


def accepts(body: str, text: str) -> bool:
    try:
        return stripe.WebhookSignature.verify_header(body, text, SECRET, TOLERANCE)
    except Exception:  # noqa: BLE001 # it raises what it stumbles over, too
        return False


def main() -> None:
    rng = random.Random(4)
    for number in range(CASES):
        now = int(time.time())
        body = json.dumps({"id": f"evt_{number}", "text": "".join(rng.choice("aé€😀\\\" ") for _ in range(rng.randint(0, 20)))}, ensure_ascii=False)
        kind = KINDS[number % len(KINDS)]
        text, sent = header(rng, kind, body, now)
        if not text.isascii():
            kind = "not ascii"
        case = {"kind": kind, "secret": SECRET, "now": now, "header": text, "body": sent}
        print(json.dumps({**case, "accepted_by": {"python": accepts(sent, text)}}))


if __name__ == "__main__":
    main()
