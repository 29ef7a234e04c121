// A real Chromium registers `/sw.js`, is pushed what the shop has sent, shows it, and says what became of it.
//
// No push service can be reached here, so `pushManager.subscribe` comes as far as it does without one; a subscription of the
// local cloud's own push service stands in, and what that has decrypted is handed to the browser as its push service would.
//
// usage: node push.mjs SHOP
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const PATIENCE_MS = 30_000;

const [shop] = process.argv.slice(2);
let token;
({ token } = await ask("POST", "/_local/token", { role: "customer", user: "ana" }));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // A container's root has no sandbox to be in.
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
try {
  const context = await browser.newContext({ permissions: ["notifications"] });
  const page = await context.newPage();
  await page.goto(`${shop}/docs`);
  const registrationId = await registers(page);
  await subscribes(page);
  const { pushed, notification } = await isPushed();
  await isShown(page, registrationId, pushed, notification);
  await isClicked(context, page, pushed, notification);
} finally {
  await browser.close();
}

// The page registers the worker, which takes over at once.
async function registers(page) {
  const devtools = await page.context().newCDPSession(page);
  const registered = new Promise((resolve) => {
    devtools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      if (registrations.length > 0) resolve(registrations[0].registrationId);
    });
  });
  await devtools.send("ServiceWorker.enable");
  const state = await page.evaluate(async () => {
    await navigator.serviceWorker.register("/sw.js");
    const { scope, active } = await navigator.serviceWorker.ready;
    globalThis.heard = [];
    navigator.serviceWorker.addEventListener("message", ({ data }) => globalThis.heard.push(data));
    if (active.state !== "activated") await new Promise((resolve) => active.addEventListener("statechange", resolve));
    return { scope: new URL(scope).pathname, state: active.state, permission: Notification.permission };
  });
  assert.deepEqual(state, { scope: "/", state: "activated", permission: "granted" });
  console.log("registered for /, notifications are allowed");
  return registered;
}

// The shop's own key is one that a browser takes; that no push service is there is all that it may find wrong.
async function subscribes(page) {
  const { vapid_public_key } = await ask("GET", "/api/v1/config");
  const subscribed = await page.evaluate(async (applicationServerKey) => {
    const { pushManager } = await navigator.serviceWorker.ready;
    const options = { userVisibleOnly: true, applicationServerKey };
    const permission = await pushManager.permissionState(options);
    const outcome = await pushManager.subscribe(options).then(
      ({ endpoint }) => ({ endpoint }),
      ({ name, message }) => ({ name, message }),
    );
    return { permission, outcome };
  }, vapid_public_key);
  console.log("subscribed as far as it goes:", JSON.stringify(subscribed));
  assert.equal(subscribed.permission, "granted");
  assert.ok(subscribed.outcome.endpoint || subscribed.outcome.name === "AbortError", "the key was refused");
}

// The shop sends Ana a push; what arrives at the push service, and what notification it is.
async function isPushed() {
  const subscription = await ask("POST", "/_local/push/subscriptions", {});
  const { endpoint, keys } = subscription;
  await ask("POST", "/api/v1/notifications/subscriptions", { subscription: { endpoint, keys } });
  const { notification_id } = await ask("POST", "/api/v1/notifications/test", { channels: ["push"] });
  await ask("GET", "/_local/idle");
  const { messages } = await ask("GET", "/_local/outbox?limit=1000");
  const message = messages.find((message) => message.channel === "web_push" && message.endpoint === endpoint);
  assert.equal(message.payload.notification_id, notification_id);
  await becomes(notification_id, "sent");
  // Pages of the shop are elsewhere; here a page of this origin stands for them.
  return { pushed: { ...message.payload, action_url: "/_local" }, notification: notification_id };
}

async function isShown(page, registrationId, pushed, notification) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("ServiceWorker.enable");
  const data = JSON.stringify(pushed);
  await devtools.send("ServiceWorker.deliverPushMessage", { origin: new URL(shop).origin, registrationId, data });
  const shown = await until("the notification is shown", () =>
    page.evaluate(async () => {
      const [shown] = await (await navigator.serviceWorker.ready).getNotifications();
      return shown && { title: shown.title, body: shown.body, tag: shown.tag, id: shown.data.notification_id };
    }),
  );
  assert.deepEqual(shown, { title: pushed.title, body: pushed.body, tag: pushed.tag ?? "", id: notification });
  const heard = await until("the page hears of it", () => page.evaluate(() => globalThis.heard[0]));
  assert.equal(heard.type, "shopwire.notification");
  assert.equal(heard.notification.title, pushed.title);
  assert.equal(heard.notification.token, undefined);
  await becomes(notification, "delivered");
  console.log(`shown: ${shown.title}: ${shown.body}`);
}

// Nothing in DevTools clicks a notification, so the worker is told that it was, with the notification that it has shown.
async function isClicked(context, page, pushed, notification) {
  const [worker] = context.serviceWorkers();
  await worker.evaluate(async () => {
    const [notification] = await self.registration.getNotifications();
    let waited;
    const click = Object.assign(new Event("notificationclick"), { notification, waitUntil: (promise) => (waited = promise) });
    self.dispatchEvent(click);
    await waited;
  });
  const wanted = new URL(pushed.action_url, shop).href;
  await until("the page is where it leads", () => page.url() === wanted);
  await becomes(notification, "clicked");
  const left = await page.evaluate(async () => (await (await navigator.serviceWorker.ready).getNotifications()).length);
  assert.equal(left, 0);
  console.log(`clicked, and at ${wanted}`);
}

async function becomes(notification, state) {
  await until(`the push is ${state}`, async () => {
    const { data } = await ask("GET", `/api/v1/notifications/${notification}/deliveries`);
    return data.some((delivery) => delivery.channel === "push" && delivery.state === state);
  });
}

async function until(what, look) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function ask(method, path, body) {
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  const answer = await fetch(new URL(path, shop), { method, headers, body: body && JSON.stringify(body) });
  const said = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${said}`);
  return said && JSON.parse(said);
}
