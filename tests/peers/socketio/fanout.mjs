// The peers of `bench fanout`: a server to which clients subscribe, and which sends them what is posted to it.
//
//   node fanout.mjs socketio|ws SECRET
//
// Prints {"sockets": URL, "control": URL} when it is ready. POST to the control address sends the body, a JSON value, to every
// subscriber; with ?times=10 ten times, each by itself, one right after the other. POST to /gc collects garbage.
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { WebSocketServer } from 'ws'
import { admits } from './token.mjs'

const [, , kind, secret] = process.argv
const CHANNEL = 'bench'

function socketio(server) {
  const io = new Server(server, { transports: ['websocket'], serveClient: false })
  io.use((socket, next) => {
    const isAdmitted = admits(socket.handshake.headers.authorization, secret)
    next(isAdmitted ? undefined : new Error('unauthenticated'))
  })
  io.on('connection', (socket) => {
    socket.on('subscribe', (channel, acknowledge) => {
      socket.join(channel)
      acknowledge()
    })
  })
  return { path: '/socket.io/?EIO=4&transport=websocket', send: (event) => io.to(CHANNEL).emit('event', event) }
}

function ws(server) {
  const sockets = new WebSocketServer({
    server,
    verifyClient: ({ req }) => admits(req.headers.authorization, secret),
  })
  const subscribers = new Set()
  sockets.on('connection', (socket) => {
    socket.on('message', (message) => {
      const { id, type } = JSON.parse(message)
      if (type === 'subscribe') subscribers.add(socket)
      socket.send(JSON.stringify({ type: 'ack', reply_to: id }))
    })
    socket.on('close', () => subscribers.delete(socket))
  })
  const send = (event) => {
    const text = JSON.stringify(event)
    for (const socket of subscribers) socket.send(text)
  }
  return { path: '/', send }
}

const listening = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))

const server = createServer()
const { path, send } = { socketio, ws }[kind](server)
const control = createServer(async (request, response) => {
  if (request.url === '/gc') {
    globalThis.gc?.()
    return response.end()
  }
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const event = JSON.parse(Buffer.concat(chunks).toString())
  const times = Number(new URL(request.url, 'http://localhost').searchParams.get('times') ?? 1)
  for (let time = 0; time < times; time += 1) send(event)
  response.end()
})
const ports = [await listening(server), await listening(control)]
console.log(JSON.stringify({ sockets: `ws://127.0.0.1:${ports[0]}${path}`, control: `http://127.0.0.1:${ports[1]}/` }))
