"""The ways out of a notification against others' code: a thousand pushes opened by http-ece, their senders checked by
py-vapid; SNS and SES as moto has them.

Usage: python media.py COMMAND...   (the example `media` of the package `app`, to which the addresses are added)
"""

import base64
import contextlib
import io
import json
import random
import subprocess
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
import http_ece
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.ses import ses_backends
from moto.sns import sns_backends
from py_vapid import Vapid02
from werkzeug.serving import make_server

REGION = "eu-west-1"
PUSHES = 1_000
LONGEST = 3_993


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def point(key: ec.EllipticCurvePrivateKey) -> str:
    form = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return base64url(key.public_key().public_bytes(*form))


class PushService(HTTPServer):
    """Keeps what it is sent, by path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), PushHandler)
        self.taken: dict[str, tuple[dict, bytes]] = {}

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class PushHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.taken[self.path] = (headers, body)
        self.send_response(201)
        self.send_header("Location", f"{self.server.origin}/messages{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Aws:
    """moto, one request at a time, with a copy of each request."""

    def __init__(self) -> None:
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.requests: list[tuple[str, str]] = []
        # With threads two requests could make one backend twice.
        self.server = make_server("127.0.0.1", 0, self, threaded=False, request_handler=Quiet)

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        self.requests.append((environ["PATH_INFO"], body.decode()))
        environ["wsgi.input"] = io.BytesIO(body)
        return self.moto(environ, start_response)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def client(self, service: str):
        keys = {"aws_access_key_id": "peer", "aws_secret_access_key": "peer"}
        return boto3.client(service, region_name=REGION, endpoint_url=self.url, **keys)

    def last(self) -> tuple[str, str]:
        return self.requests[-1]


class Quiet(MotoRequestHandler):
    def log(self, *_: object) -> None:
        pass


class Ways:
    """The example, asked and answered line by line."""

    def __init__(self, command: list[str]) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, text=True, **pipes)

    def ask(self, act: str, **fields: object) -> dict:
        self.process.stdin.write(json.dumps({"act": act, **fields}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def done(self, act: str, **fields: object) -> str:
        answer = self.ask(act, **fields)
        assert "done" in answer, (act, answer)
        return answer["done"]

    def close(self) -> None:
        self.process.stdin.close()
        assert self.process.wait(timeout=10) == 0


def push(ways: Ways, service: PushService, public_key: str) -> None:
    rng = random.Random(8291)
    letters = "aé€😀\\\"\n ไทยفارسی"
    for number in range(PUSHES):
        key, secret = ec.generate_private_key(ec.SECP256R1()), rng.randbytes(16)
        text = "".join(rng.choice(letters) for _ in range(rng.randint(1, 900)))
        if number < 2:
            text = "x" * [1, LONGEST][number]
        path = f"/push/{number}"
        keys = {"p256dh": point(key), "auth": base64url(secret)}
        said = ways.done("push", endpoint=service.origin + path, text=text, **keys)
        assert said == f'Accepted {{ id: Some("{number}") }}', said
        headers, body = service.taken[path]
        assert http_ece.decrypt(body, private_key=key, auth_secret=secret).decode() == text
        assert len(body) == len(text.encode()) + 103 <= 4_096
        check_sender(headers, service, public_key)
    assert ways.done("push", endpoint=service.origin + "/long", text="x" * (LONGEST + 1), **keys) == "TooLarge"
    assert len({body[:16] for _, body in service.taken.values()}) == PUSHES, "each salt is used once"
    assert len({headers["authorization"] for headers, _ in service.taken.values()}) == 1, "one token is enough"
    print(f"http-ece, py-vapid (PyPI): {PUSHES} pushes opened, their sender known")


def check_sender(headers: dict, service: PushService, public_key: str) -> None:
    authorization = headers["authorization"]
    assert Vapid02.verify(authorization)
    assert authorization.endswith(f",k={public_key}")
    claims = authorization.split("t=")[1].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert (claims["aud"], claims["sub"]) == (service.origin, "mailto:ops@shop.example")
    assert time.time() + 11 * 3_600 < claims["exp"] <= time.time() + 24 * 3_600
    named = {name: headers[name] for name in ("ttl", "urgency", "content-encoding")}
    assert named == {"ttl": "3600", "urgency": "normal", "content-encoding": "aes128gcm"}, named
    assert len(headers["topic"]) == 32


def attributes(body: str) -> dict[str, str]:
    """The attributes of a published message, out of the query protocol."""
    fields = dict(urllib.parse.parse_qsl(body))
    names = {key: value for key, value in fields.items() if key.endswith(".Name")}
    return {name: fields[key.replace(".Name", ".Value.StringValue")] for key, name in names.items()}


def phones(ways: Ways, aws: Aws, fcm: str, apns: str) -> None:
    sns, backend = aws.client("sns"), sns_backends[DEFAULT_ACCOUNT_ID][REGION]
    known = {"platform": "android"}

    arn = ways.done("register", token="token-1", **known)
    assert backend.platform_endpoints[arn].application.arn == fcm
    assert ways.done("register", token="token-1", **known) == arn, "a second start makes no second endpoint"
    phone = ways.done("register", token="a" * 64, platform="ios")
    assert backend.platform_endpoints[phone].application.arn == apns
    assert ways.done("register", token="token-ios", platform="android", known=phone) != phone, "another platform"

    def state() -> tuple[str, str]:
        found = sns.get_endpoint_attributes(EndpointArn=arn)["Attributes"]
        return found["Token"], found["Enabled"]

    assert ways.done("register", token="token-2", known=arn, **known) == arn
    assert state() == ("token-2", "true")
    sns.set_endpoint_attributes(EndpointArn=arn, Attributes={"Enabled": "false"})
    message = {"title": "On its way", "body": "Your lamp", "is_silent": False}
    assert ways.done("device", arn=arn, **message) == "Gone"
    assert ways.done("register", token="token-2", known=arn, **known) == arn
    assert state() == ("token-2", "true"), "what was disabled is enabled"
    # An endpoint that others made, with data of their own: SNS says its name in a refusal, and nowhere else.
    other = sns.create_platform_endpoint(PlatformApplicationArn=fcm, Token="token-3", CustomUserData="theirs")
    assert ways.done("register", token="token-3", **known) == other["EndpointArn"]

    said = ways.done("device", arn=arn, **message)
    assert said.startswith("Accepted"), said
    published = attributes(aws.last()[1])
    assert published["AWS.SNS.MOBILE.APNS.PUSH_TYPE"] == "alert", published
    assert published["AWS.SNS.MOBILE.FCM.TTL"] == "3600", published
    [stored] = backend.platform_endpoints[arn].messages.values()
    stored = json.loads(stored)
    assert json.loads(stored["GCM"])["fcmV1Message"]["message"]["notification"]["title"] == "On its way"
    assert json.loads(stored["APNS"])["aps"]["alert"] == {"title": "On its way", "body": "Your lamp"}

    assert ways.done("device", arn=phone, **{**message, "is_silent": True}).startswith("Accepted")
    assert attributes(aws.last()[1])["AWS.SNS.MOBILE.APNS.PUSH_TYPE"] == "background"
    assert ways.done("device", arn=arn, **{**message, "body": "x" * 5_000}) == "TooLarge"

    assert ways.done("forget", arn=arn) == "forgotten"
    assert ways.done("forget", arn=arn) == "forgotten", "that it is gone is as good"
    assert arn not in backend.platform_endpoints
    assert ways.done("device", arn=arn, **message) == "Gone"
    anew = ways.done("register", token="token-2", known=arn, **known)
    assert anew != arn and anew in backend.platform_endpoints
    print("moto (PyPI): SNS endpoints and messages to phones ok")


def texts(ways: Ways, aws: Aws) -> None:
    backend = sns_backends[DEFAULT_ACCOUNT_ID][REGION]
    for is_marketing, kind in [(False, "Transactional"), (True, "Promotional")]:
        said = ways.done("sms", number="+447700900123", text="Ihre Lampe 💡", is_marketing=is_marketing)
        assert said.startswith("Accepted"), said
        published = attributes(aws.last()[1])
        assert published == {"AWS.SNS.SMS.SMSType": kind, "AWS.SNS.SMS.SenderID": "Shop"}, published
    sent = [(number, text) for number, text, *_ in backend.sms_messages.values()]
    assert sent == [("+447700900123", "Ihre Lampe 💡")] * 2, sent
    assert ways.done("sms", number="+447700900123", text="x" * 1_601, is_marketing=False) == "TooLarge"
    for number in ["447700900123", "+44 7700 900123", "ana"]:
        assert ways.done("sms", number=number, text="Lamp", is_marketing=False).startswith("Refused")
    print("moto (PyPI): SMS ok")


def mails(ways: Ways, aws: Aws) -> None:
    letter = {
        "to": "ana@shop.example",
        "subject": "Unterwegs — در راه",
        "text": "Your lamp is on its way.",
        "html": "<p>Your lamp is on its way.</p>",
        "unsubscribe_url": "https://shop.example/u?token=t",
    }
    said = ways.ask("mail", **letter)
    assert said == {"done": 'Refused { why: "SES said MessageRejected" }'}, said
    aws.client("sesv2").create_email_identity(EmailIdentity="shop@shop.example")
    said = ways.done("mail", **letter)
    assert said.startswith("Accepted"), said
    path, body = aws.last()
    assert path == "/v2/email/outbound-emails", path
    sent = json.loads(body)
    assert sent["Content"]["Simple"]["Headers"] == [
        {"Name": "List-Unsubscribe", "Value": "<https://shop.example/u?token=t>"},
        {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
    ]
    assert sent["EmailTags"] == [{"Name": "type", "Value": "order_shipped"}]
    assert sent["ReplyToAddresses"] == ["people@shop.example"]
    assert sent["Content"]["Simple"]["Body"]["Text"]["Data"] == letter["text"]
    [mail] = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    assert (mail.source, mail.subject, mail.body) == ("shop@shop.example", letter["subject"], letter["html"])
    assert mail.destinations == {"ToAddresses": ["ana@shop.example"]}
    print("moto (PyPI): SES ok")


def main(command: list[str]) -> None:
    service, aws = PushService(), Aws()
    for server in (service, aws.server):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_numbers().private_value.to_bytes(32, "big")
    name, public_key = "/shop/vapid", point(key)
    aws.client("ssm").put_parameter(Name=name, Value=base64url(private), Type="SecureString")
    sns = aws.client("sns")
    applications = [
        sns.create_platform_application(Name="shop", Platform=platform, Attributes={})["PlatformApplicationArn"]
        for platform in ("GCM", "APNS")
    ]
    with contextlib.closing(Ways([*command, aws.url, service.origin, public_key, name, *applications])) as ways:
        push(ways, service, public_key)
        phones(ways, aws, *applications)
        texts(ways, aws)
        mails(ways, aws)


if __name__ == "__main__":
    main(sys.argv[1:])
