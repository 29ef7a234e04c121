// The peer of `bench drop`: Socket.IO 4 with connection state recovery, its own client, and sockets that are cut.
//
//   node drop.mjs '{"groups": 10, "devices": 10, "seconds": 100, "per_second": 100}'
//
// Each group has so many devices, and every second `per_second` events go round the groups. Each device is away for two seconds in
// every ten. A second is a round here: nothing waits for the clock. Prints one JSON document.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { performance } from 'node:perf_hooks'
import { Server } from 'socket.io'
import { io as connect } from 'socket.io-client'

const { groups, devices, seconds, per_second: perSecond } = JSON.parse(process.argv[2])
const PERIOD = 10
const AWAY = 2
const PATIENCE_MS = 2_000

const server = createServer()
const io = new Server(server, { connectionStateRecovery: {}, serveClient: false })
io.on('connection', (socket) => {
  if (!socket.recovered) socket.join(socket.handshake.auth.group)
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${server.address().port}`

const sent = Array(groups).fill(0)
const clients = Array.from({ length: groups * devices }, (_, number) => {
  const group = number % groups
  const socket = connect(url, {
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
    auth: { group: `group-${group}` },
  })
  const client = { number, group, socket, seen: new Set(), last: 0, duplicated: 0, reordered: 0, waits: undefined }
  socket.on('event', ({ seq }) => {
    if (client.seen.has(seq)) client.duplicated += 1
    else if (seq < client.last) client.reordered += 1
    client.seen.add(seq)
    client.last = Math.max(client.last, seq)
    client.waits?.()
  })
  return client
})
await Promise.all(clients.map(({ socket }) => once(socket, 'connect')))

// Nobody in the first second: whoever has received nothing yet has nothing to recover from.
const isAway = ({ number }, second) => second > 0 && (second + number) % PERIOD < AWAY
const recoveries = []
let notRecovered = 0

/** Connects again; waits until everything sent before is there, or will not come any more. */
async function comeBack(client) {
  const began = performance.now()
  const wanted = sent[client.group]
  client.socket.connect()
  await once(client.socket, 'connect')
  if (!client.socket.recovered) notRecovered += 1
  const isThere = () => client.last >= wanted
  const came = await new Promise((resolve) => {
    const patience = setTimeout(() => resolve(isThere()), PATIENCE_MS)
    client.waits = () => {
      if (!isThere()) return
      clearTimeout(patience)
      resolve(true)
    }
    client.waits()
  })
  client.waits = undefined
  if (came) recoveries.push(performance.now() - began)
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

const began = performance.now()
for (let second = 0; second < seconds; second += 1) {
  const moves = []
  for (const client of clients) {
    const [is, was] = [isAway(client, second), isAway(client, second - 1)]
    if (is && !was) client.socket.io.engine.close()
    if (!is && was) moves.push(comeBack(client))
  }
  for (let event = 0; event < perSecond; event += 1) {
    const group = event % groups
    sent[group] += 1
    const body = { seq: sent[group], at: performance.now() }
    io.to(`group-${group}`).emit('event', body)
    if (event % 8 === 7) await turn()
  }
  await Promise.all(moves)
  await turn()
}
await Promise.all(clients.filter((client) => !client.socket.connected).map(comeBack))
await new Promise((resolve) => setTimeout(resolve, 200))
const took = performance.now() - began

const sum = (of) => clients.reduce((total, client) => total + of(client), 0)
console.log(
  JSON.stringify({
    expected: sum(({ group }) => sent[group]),
    delivered: sum(({ seen }) => seen.size),
    duplicated: sum((client) => client.duplicated),
    reordered: sum((client) => client.reordered),
    not_recovered: notRecovered,
    recoveries_ms: recoveries,
    seconds: took / 1000,
  }),
)
for (const { socket } of clients) socket.disconnect()
io.close()
