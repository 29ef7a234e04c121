// The shop's service worker: it shows what is pushed to a browser, opens what is clicked, and says what became of it.
//
// A page registers it with `navigator.serviceWorker.register("/sw.js")`. Browsers take a worker only from the origin of the
// page; a shop whose pages have another origin than this API serves a `/sw.js` of one line there:
// `importScripts("https://api.shop.example/sw.js")`.
//
// A page may tell it (`registration.active.postMessage(…)`):
//   {type: "shopwire.account", api_url, token, categories}  in whose name to renew a subscription that the browser replaces
//   {type: "shopwire.account"}                              that nobody is signed in any more
//   {type: "shopwire.opened", notification_id}              that the page itself has shown this notification
// and hears from it:
//   {type: "shopwire.notification", notification}           something was pushed
//   {type: "shopwire.subscription", subscription}           the browser has another subscription, which the page is to post
"use strict";

(() => {
  const CACHE = "shopwire";
  const ACCOUNT = "/.shopwire/account";
  const TITLE_LENGTH = 200;
  const BODY_LENGTH = 2000;

  const on = (type, act) =>
    self.addEventListener(type, (event) => {
      // Whatever goes wrong, the browser must not think that the worker is broken and unregister it.
      event.waitUntil(Promise.resolve(event).then(act).catch((error) => console.error(`shopwire: ${type}`, error)));
    });

  on("install", () => self.skipWaiting());
  on("activate", () => self.clients.claim());

  on("push", async ({ data }) => {
    const notice = read(data);
    await self.registration.showNotification(notice.title, options(notice));
    await Promise.all([count(notice), tell({ type: "shopwire.notification", notification: notice.shown }), report(notice, "delivered")]);
  });

  on("notificationclick", async ({ notification }) => {
    notification.close();
    const notice = notification.data ?? {};
    // A browser lets a worker open a window only for a moment after the click, so this is not behind the report.
    // One that it does not let is a click all the same.
    await Promise.allSettled([open(notice.action_url), report(notice, "opened", "clicked")]);
  });

  on("notificationclose", ({ notification }) => report(notification.data ?? {}, "dismissed"));

  on("pushsubscriptionchange", async ({ oldSubscription, newSubscription }) => {
    const subscription = newSubscription ?? (await subscribeAgain(oldSubscription));
    if (subscription && !(await post(subscription.toJSON()))) {
      await tell({ type: "shopwire.subscription", subscription: subscription.toJSON() });
    }
  });

  on("message", async ({ data }) => {
    if (data?.type === "shopwire.account") await remember(data);
    if (data?.type === "shopwire.opened") await opened(data.notification_id);
  });

  // What was pushed, whatever it is: something is shown for every push, or browsers end the subscription.
  function read(data) {
    const shown = parsed(data);
    const { notification_id, report_url, token } = shown;
    return {
      title: text(shown.title, TITLE_LENGTH) || self.location.hostname,
      kept: { notification_id, action_url: shown.action_url, report_url, token },
      // A page has no business with the token that says what became of a push.
      shown: { ...shown, report_url: undefined, token: undefined },
      report_url,
      token,
    };
  }

  function parsed(data) {
    if (!data) return {};
    try {
      const value = data.json();
      return value && typeof value === "object" && !Array.isArray(value) ? value : { body: String(value ?? "") };
    } catch {
      return { body: data.text() };
    }
  }

  function options({ shown, kept }) {
    const tag = text(shown.tag, TITLE_LENGTH);
    const wanted = {
      body: text(shown.body, BODY_LENGTH),
      dir: "auto",
      icon: address(shown.icon_url),
      badge: address(shown.badge_url),
      image: address(shown.image_url),
      tag,
      // What takes the place of an older one is news all the same.
      renotify: tag ? shown.silent !== true : undefined,
      silent: shown.silent === true ? true : undefined,
      data: kept,
    };
    return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
  }

  function text(value, length) {
    return typeof value === "string" && value ? value.slice(0, length) : undefined;
  }

  // An address that may be opened, loaded or posted to: of this shop, or at least over TLS.
  function address(value) {
    if (typeof value !== "string" || !value) return undefined;
    try {
      const url = new URL(value, self.location.origin);
      // `blob:` has the shop's origin, too, and is no page of it.
      const isOurs = url.origin === self.location.origin && url.protocol === self.location.protocol;
      const isSafe = isOurs || url.protocol === "https:";
      return isSafe && !url.username && !url.password ? url.href : undefined;
    } catch {
      return undefined;
    }
  }

  // The number on the app's icon, where there is one.
  async function count({ shown }) {
    const number = shown.badge ?? shown.unread_count;
    if (!Number.isInteger(number) || number < 0) return;
    // Refused where the page is not installed as an app.
    await self.navigator.setAppBadge?.(number).catch(() => {});
  }

  // Says what became of a notification, in this order. That nobody hears it must not disturb the person it was for.
  async function report({ report_url, token }, ...events) {
    const url = address(report_url);
    if (!url || typeof token !== "string") return;
    for (const event of events) await send(url, { event, token });
  }

  async function send(url, body, headers = {}) {
    const asked = {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
      keepalive: true,
      credentials: "omit",
    };
    return fetch(url, asked).then(({ ok }) => ok, () => false);
  }

  function pages() {
    return self.clients.matchAll({ type: "window", includeUncontrolled: true });
  }

  async function tell(message) {
    for (const page of await pages()) page.postMessage(message);
  }

  // Brings the page to the front that shows `action_url`, or another of the shop, or a new one.
  async function open(action_url) {
    const wanted = address(action_url);
    const url = wanted ?? `${self.location.origin}/`;
    const all = await pages();
    const isOurs = url.startsWith(`${self.location.origin}/`);
    const page = all.find((page) => page.url === url) ?? (isOurs ? all[0] : undefined);
    if (!page) return self.clients.openWindow(url);
    const front = await page.focus().catch(() => page);
    // A page that this worker does not control yet cannot be led anywhere.
    if (wanted && front.url !== url) await front.navigate(url).catch(() => self.clients.openWindow(url));
  }

  // A page has shown it: the browser need not show it any longer.
  async function opened(notification_id) {
    for (const notification of await self.registration.getNotifications()) {
      if (!notification_id || notification.data?.notification_id !== notification_id) continue;
      notification.close();
      await report(notification.data, "opened");
    }
  }

  async function subscribeAgain(before) {
    // Without the key of the old one nobody could push to the new one.
    return before?.options?.applicationServerKey ? self.registration.pushManager.subscribe(before.options) : null;
  }

  // Posts a subscription in the name of who is signed in; false if that is nobody, or their token is no longer good.
  async function post(subscription) {
    const account = await remembered();
    const url = address(account?.api_url);
    if (!url || !account.token) return false;
    const { categories = [] } = account;
    const to = new URL("/api/v1/notifications/subscriptions", url);
    return send(to.href, { subscription, categories }, { authorization: `Bearer ${account.token}` });
  }

  async function remember({ api_url, token, categories }) {
    const cache = await caches.open(CACHE);
    if (token) await cache.put(ACCOUNT, new Response(JSON.stringify({ api_url, token, categories })));
    else await cache.delete(ACCOUNT);
  }

  async function remembered() {
    const kept = await (await caches.open(CACHE)).match(ACCOUNT);
    return kept?.json();
  }
})();
