import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ORIGIN, subscription, Worker } from "./browser.mjs";

const API = "https://api.shop.example";
const PUSHED = {
  notification_id: "ntf_1",
  type: "order_shipped",
  title: "On its way",
  body: "Your lamp has left us.",
  action_url: "/orders/ord_1",
  icon_url: "/lamp.png",
  tag: "order:ord_1",
  unread_count: 3,
  data: { order_id: "ord_1" },
  report_url: `${API}/api/v1/notifications/ntf_1/events`,
  token: "signed",
};
const EVENTS = "/api/v1/notifications/ntf_1/events";

// What lies in another realm is not the same class as here.
const plain = (value) => JSON.parse(JSON.stringify(value));

describe("a push", () => {
  test("is shown with all that it brings, and said to be delivered", async () => {
    const worker = new Worker();
    await worker.pushes(PUSHED);
    const { token, report_url, notification_id, action_url } = PUSHED;
    assert.deepEqual(plain(worker.shown), [
      {
        title: "On its way",
        body: "Your lamp has left us.",
        dir: "auto",
        icon: `${ORIGIN}/lamp.png`,
        tag: "order:ord_1",
        renotify: true,
        data: { notification_id, action_url, report_url, token },
      },
    ]);
    assert.deepEqual(worker.badges, [3]);
    assert.deepEqual(worker.reports, [`${EVENTS} delivered signed`]);
    const [{ method, keepalive, credentials, headers }] = worker.requests;
    assert.deepEqual(plain({ method, keepalive, credentials, headers }), {
      method: "POST",
      keepalive: true,
      credentials: "omit",
      headers: { "content-type": "application/json" },
    });
    assert.deepEqual(worker.errors, []);
  });

  test("that is silent makes no sound again", async () => {
    const worker = new Worker();
    await worker.pushes({ ...PUSHED, silent: true });
    assert.equal(worker.shown[0].silent, true);
    assert.equal(worker.shown[0].renotify, false);
  });

  test("is told to every open page, without what only the worker may know", async () => {
    const worker = new Worker();
    const pages = [worker.page(`${ORIGIN}/`), worker.page(`${ORIGIN}/cart`)];
    await worker.pushes(PUSHED);
    for (const { heard } of pages) {
      assert.equal(heard.length, 1);
      assert.equal(heard[0].type, "shopwire.notification");
      assert.equal(heard[0].notification.title, "On its way");
      assert.equal(JSON.stringify(heard).includes("signed"), false);
    }
  });

  test("without a token is shown and not reported", async () => {
    const worker = new Worker();
    const { token: _, ...untold } = PUSHED;
    await worker.pushes(untold);
    assert.equal(worker.shown.length, 1);
    assert.deepEqual(worker.requests, []);
  });

  test("that may not be shown is not said to be delivered", async () => {
    const worker = new Worker({ permission: "denied" });
    await worker.pushes(PUSHED);
    assert.deepEqual(worker.requests, []);
    assert.equal(worker.errors.length, 1);
  });

  test("is shown though nobody hears the report", async () => {
    const worker = new Worker();
    worker.answer = () => {
      throw new TypeError("Failed to fetch");
    };
    await worker.pushes(PUSHED);
    assert.equal(worker.shown.length, 1);
    assert.deepEqual(worker.errors, []);
  });

  for (const [name, sent, title, body] of [
    ["words", "Sale today", "shop.example", "Sale today"],
    ["half of an object", '{"title": "On', "shop.example", '{"title": "On'],
    ["a list", "[1, 2]", "shop.example", "1,2"],
    ["a number", "7", "shop.example", "7"],
    ["null", "null", "shop.example", undefined],
    ["nothing", "", "shop.example", undefined],
    ["an empty object", "{}", "shop.example", undefined],
    ["fields of other kinds", '{"title": 7, "body": {}, "tag": [], "unread_count": "many", "token": 1, "report_url": 2}', "shop.example", undefined],
    ["addresses that are none", '{"title": "x", "icon_url": "http://[", "image_url": "javascript:alert(1)", "action_url": {}}', "x", undefined],
  ]) {
    test(`of ${name} is shown all the same`, async () => {
      const worker = new Worker();
      await worker.pushesText(sent);
      assert.equal(worker.shown.length, 1);
      const [{ icon, image, tag, ...shown }] = worker.shown;
      assert.deepEqual([shown.title, shown.body], [title, body]);
      assert.deepEqual([icon, image, tag], [undefined, undefined, undefined]);
      assert.deepEqual([worker.requests, worker.badges, worker.errors], [[], [], []]);
    });
  }

  test("without any data is shown all the same", async () => {
    const worker = new Worker();
    await worker.happens("push", { data: null });
    assert.equal(worker.shown[0].title, "shop.example");
  });

  test("of endless text is cut", async () => {
    const worker = new Worker();
    await worker.pushes({ title: "t".repeat(5000), body: "b".repeat(50_000) });
    assert.equal(worker.shown[0].title.length, 200);
    assert.equal(worker.shown[0].body.length, 2000);
  });
});

describe("a click", () => {
  const click = (worker, data = PUSHED) => worker.happens("notificationclick", { notification: worker.notification(data) });

  test("opens the page that it leads to, and is reported", async () => {
    const worker = new Worker();
    await click(worker);
    assert.deepEqual(worker.closed, ["ntf_1"]);
    assert.deepEqual(worker.opened, [`${ORIGIN}/orders/ord_1`]);
    assert.deepEqual(worker.reports, [`${EVENTS} opened signed`, `${EVENTS} clicked signed`]);
  });

  test("brings the page to the front that is open", async () => {
    const worker = new Worker();
    const other = worker.page(`${ORIGIN}/`);
    const page = worker.page(`${ORIGIN}/orders/ord_1`);
    await click(worker);
    assert.deepEqual([other.did, page.did, worker.opened], [[], ["focus"], []]);
  });

  test("leads another page of the shop there", async () => {
    const worker = new Worker();
    const page = worker.page(`${ORIGIN}/cart`);
    await click(worker);
    assert.deepEqual([page.did, worker.opened], [["focus", `${ORIGIN}/orders/ord_1`], []]);
  });

  test("opens another page where it may not lead one", async () => {
    const worker = new Worker();
    const page = worker.page(`${ORIGIN}/cart`, { isControlled: false });
    await click(worker);
    assert.deepEqual([page.did, worker.opened], [["focus"], [`${ORIGIN}/orders/ord_1`]]);
  });

  test("is reported though the browser opens nothing", async () => {
    const worker = new Worker({ mayOpen: false });
    await click(worker);
    assert.deepEqual(worker.reports, [`${EVENTS} opened signed`, `${EVENTS} clicked signed`]);
    const page = worker.page(`${ORIGIN}/cart`);
    await click(worker);
    assert.deepEqual(page.did, [`${ORIGIN}/orders/ord_1`]);
    assert.equal(worker.reports.length, 4);
  });

  test("that leads nowhere brings the shop to the front", async () => {
    const worker = new Worker();
    await click(worker, null);
    assert.deepEqual(worker.opened, [`${ORIGIN}/`]);
    const page = worker.page(`${ORIGIN}/cart`);
    await click(worker, {});
    await click(worker, { action_url: "javascript:alert(1)" });
    assert.deepEqual([page.did, worker.opened.length], [["focus", "focus"], 1]);
  });

  test("may lead to another site over TLS, beside the pages of the shop", async () => {
    const worker = new Worker();
    const page = worker.page(`${ORIGIN}/cart`);
    await click(worker, { action_url: "https://carrier.example/track/1" });
    assert.deepEqual([page.did, worker.opened], [[], ["https://carrier.example/track/1"]]);
  });

  for (const url of [
    "http://shop.example/",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "file:///etc/passwd",
    "https://shop.example@evil.example/",
    "blob:https://shop.example/1",
    "//evil.example:99999/",
    { toString: () => "https://evil.example" },
  ]) {
    test(`never opens ${String(url)}`, async () => {
      const worker = new Worker();
      await click(worker, { action_url: url });
      assert.deepEqual(worker.opened, [`${ORIGIN}/`]);
    });
  }

  test("reports to nowhere that is not over TLS", async () => {
    const worker = new Worker();
    await click(worker, { ...PUSHED, report_url: "http://evil.example/" });
    assert.deepEqual(worker.requests, []);
  });
});

test("what is put away is reported", async () => {
  const worker = new Worker();
  await worker.happens("notificationclose", { notification: worker.notification(PUSHED) });
  await worker.happens("notificationclose", { notification: worker.notification(null) });
  assert.deepEqual(worker.reports, [`${EVENTS} dismissed signed`]);
});

test("what a page has shown itself is put away and reported as opened", async () => {
  const worker = new Worker();
  await worker.pushes(PUSHED);
  await worker.pushes({ ...PUSHED, notification_id: "ntf_2", tag: "other" });
  worker.requests.length = 0;
  await worker.happens("message", { data: { type: "shopwire.opened", notification_id: "ntf_1" } });
  assert.deepEqual([worker.closed, worker.reports], [["ntf_1"], [`${EVENTS} opened signed`]]);
  for (const data of [null, 7, {}, { type: "shopwire.opened" }, { type: "shopwire.opened", notification_id: "ntf_9" }]) {
    await worker.happens("message", { data });
  }
  assert.deepEqual([worker.closed.length, worker.errors], [1, []]);
});

describe("a subscription that the browser replaces", () => {
  const ANA = { type: "shopwire.account", api_url: API, token: "ana's", categories: ["order"] };
  const before = { options: { userVisibleOnly: true, applicationServerKey: "key" } };

  test("is renewed with the same key and posted in the name of who is signed in", async () => {
    const worker = new Worker();
    await worker.happens("message", { data: ANA });
    await worker.happens("pushsubscriptionchange", { oldSubscription: before });
    assert.deepEqual(worker.subscribed, [before.options]);
    assert.equal(worker.requests.length, 1);
    const [{ url, headers, body }] = worker.requests;
    assert.equal(url, `${API}/api/v1/notifications/subscriptions`);
    assert.equal(headers.authorization, "Bearer ana's");
    assert.deepEqual(body, {
      subscription: { endpoint: "https://push.example/renewed", keys: { p256dh: "public", auth: "secret" } },
      categories: ["order"],
    });
  });

  test("is taken as the browser has renewed it", async () => {
    const worker = new Worker();
    await worker.happens("message", { data: ANA });
    await worker.happens("pushsubscriptionchange", { newSubscription: subscription("https://push.example/new") });
    assert.deepEqual(worker.subscribed, []);
    assert.equal(worker.requests[0].body.subscription.endpoint, "https://push.example/new");
  });

  test("is left to the pages when nobody is signed in, or no longer", async () => {
    for (const account of [[], [ANA, { type: "shopwire.account" }], [ANA]]) {
      const worker = new Worker();
      worker.answer = () => ({ ok: false });
      const page = worker.page(`${ORIGIN}/`);
      for (const data of account) await worker.happens("message", { data });
      await worker.happens("pushsubscriptionchange", { oldSubscription: before });
      assert.equal(page.heard.length, 1);
      assert.equal(page.heard[0].type, "shopwire.subscription");
      assert.equal(page.heard[0].subscription.endpoint, "https://push.example/renewed");
    }
  });

  test("that has no key is not renewed", async () => {
    const worker = new Worker();
    await worker.happens("pushsubscriptionchange", { oldSubscription: null });
    await worker.happens("pushsubscriptionchange", {});
    assert.deepEqual([worker.subscribed, worker.requests, worker.errors], [[], [], []]);
  });
});

test("a worker that is new takes over at once", async () => {
  const worker = new Worker();
  await worker.happens("install");
  await worker.happens("activate");
  assert.deepEqual(worker.errors, []);
});
