// What a browser gives a service worker, as far as `sw.js` asks for it, and what the worker did with it.
import { readFileSync } from "node:fs";
import vm from "node:vm";

const SOURCE = readFileSync(new URL("../sw.js", import.meta.url), "utf8");

export const ORIGIN = "https://shop.example";

// A worker that was just started. `requests`, `shown`, `opened` and `closed` say what it has done since.
export class Worker {
  requests = [];
  shown = [];
  opened = [];
  closed = [];
  badges = [];
  subscribed = [];
  errors = [];
  pages = [];
  notifications = [];
  answer = () => ({ ok: true });
  #listeners = new Map();
  #cache = new Map();

  constructor({ permission = "granted", mayOpen = true } = {}) {
    const worker = this;
    this.refuses = mayOpen
      ? () => {}
      : () => {
          throw new DOMException("Not allowed to open a window.", "InvalidAccessError");
        };
    const registration = {
      async showNotification(title, options) {
        if (permission !== "granted") throw new TypeError("No notification permission has been granted for this origin.");
        worker.shown.push({ title, ...options });
        worker.notifications.push(worker.notification(options.data));
      },
      getNotifications: async () => worker.notifications,
      pushManager: {
        async subscribe(options) {
          worker.subscribed.push(options);
          return subscription("https://push.example/renewed");
        },
      },
    };
    const cache = {
      put: async (key, response) => void worker.#cache.set(key, await response.text()),
      delete: async (key) => worker.#cache.delete(key),
      match: async (key) => (worker.#cache.has(key) ? new Response(worker.#cache.get(key)) : undefined),
    };
    const self = {
      location: new URL(`${ORIGIN}/sw.js`),
      registration,
      navigator: { setAppBadge: async (number) => void worker.badges.push(number) },
      clients: {
        matchAll: async () => worker.pages,
        openWindow: async (url) => {
          worker.refuses();
          worker.opened.push(url);
        },
        claim: async () => {},
      },
      skipWaiting: async () => {},
      addEventListener: (type, listen) => this.#listeners.set(type, listen),
    };
    const console = { error: (...values) => worker.errors.push(values.map(String).join(" ")) };
    const fetch = async (url, { body, headers, ...options }) => {
      worker.requests.push({ url, body: JSON.parse(body), headers, ...options });
      return worker.answer(url);
    };
    vm.runInNewContext(SOURCE, { self, console, fetch, Response, URL, caches: { open: async () => cache } });
  }

  // Lets something happen, and waits as long as the worker asked the browser to wait.
  async happens(type, event = {}) {
    const waited = [];
    this.#listeners.get(type)({ ...event, waitUntil: (promise) => waited.push(promise) });
    await Promise.all(waited);
  }

  pushes(json) {
    return this.pushesText(JSON.stringify(json));
  }

  pushesText(sent) {
    return this.happens("push", { data: { json: () => JSON.parse(sent), text: () => sent } });
  }

  notification(data) {
    return { data, close: () => this.closed.push(data?.notification_id) };
  }

  // A page that is open, and what it did and heard.
  page(url, { isControlled = true } = {}) {
    const page = { url, heard: [], did: [] };
    page.postMessage = (message) => page.heard.push(message);
    page.focus = async () => {
      this.refuses();
      page.did.push("focus");
      return page;
    };
    page.navigate = async (to) => {
      if (!isControlled) throw new TypeError("This service worker is not the client's active service worker.");
      page.did.push(to);
    };
    this.pages.push(page);
    return page;
  }

  // What was reported of notifications, in order.
  get reports() {
    return this.requests.map(({ url, body }) => `${new URL(url).pathname} ${body.event} ${body.token}`);
  }
}

export function subscription(endpoint) {
  return { toJSON: () => ({ endpoint, keys: { p256dh: "public", auth: "secret" } }) };
}
