// Sends pushes as a shop on Node.js does, with npm `web-push`: it encrypts each and signs it with the shop's key, and Node's own
// client posts it. (`web-push` itself posts over TLS only, and the push service of the local cloud has none.)
//
// Prints what it took: {accepted, microseconds, cpu_microseconds}, the latter of this whole process, its threads included.
//
// usage: node push.mjs '{"subscriptions", "payload", "vapid", "warm_up", "pushes", "at_once", "topic"}'
import http from "node:http";
import webPush from "web-push";

const { subscriptions, payload, vapid, warm_up, pushes, at_once, topic } = JSON.parse(process.argv[2]);
const agent = new http.Agent({ keepAlive: true, maxSockets: at_once });
const options = { vapidDetails: vapid, TTL: 3600, urgency: "normal", topic, contentEncoding: "aes128gcm" };

await send(warm_up);
const [began, before] = [process.hrtime.bigint(), process.cpuUsage()];
const accepted = await send(pushes);
const { user, system } = process.cpuUsage(before);
const microseconds = Number((process.hrtime.bigint() - began) / 1000n);
agent.destroy();
console.log(JSON.stringify({ accepted, microseconds, cpu_microseconds: user + system }));

// Sends so many, so many at a time; how many were accepted.
async function send(count) {
  let [next, accepted] = [0, 0];
  const worker = async () => {
    while (next < count) {
      const subscription = subscriptions[next++ % subscriptions.length];
      if ((await post(webPush.generateRequestDetails(subscription, payload, options))) === 201) accepted += 1;
    }
  };
  await Promise.all(Array.from({ length: at_once }, worker));
  return accepted;
}

function post({ endpoint, method, headers, body }) {
  return new Promise((resolve, reject) => {
    const request = http.request(endpoint, { method, headers, agent }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode));
    });
    request.on("error", reject);
    request.end(body);
  });
}
