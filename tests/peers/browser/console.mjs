// Stands in for the console of a browser that shows a page of the shop: runs the script that it reads, as it is, where
// relative addresses are the shop's, and prints what the script prints. Ends well once the script has printed that
// the stock of a product fell below what it printed first; that must happen within a minute.
//
// usage: node console.mjs SHOP < script.js
import { text } from "node:stream/consumers";
import { WebSocket } from "ws";

const [shop] = process.argv.slice(2);
const { fetch: plainFetch } = globalThis;
globalThis.fetch = (address, options) => plainFetch(new URL(address, shop), options);
globalThis.WebSocket = WebSocket;

const print = console.log;
let first;
console.log = (...values) => {
  print(...values);
  for (const { type, data } of events(values[0])) {
    if (type !== "inventory.updated") continue;
    first ??= data.available_quantity;
    if (data.available_quantity < first) process.exit(0);
  }
};

// What was printed, as events; a batch has several.
function events(printed) {
  const frame = JSON.parse(printed);
  return frame.type === "batch" ? frame.events : [frame];
}

setTimeout(() => {
  console.error("no stock moved on the page within a minute");
  process.exit(1);
}, 60_000);

await import(`data:text/javascript,${encodeURIComponent(await text(process.stdin))}`);
