// The peer of `bench chat`: Socket.IO 4 that stores every message in one SQLite file before it tells anybody.
//
//   node chat.mjs FILE
//
// Prints {"sockets": URL} when it is ready. A client joins rooms and says things in them; everybody in the room is told, the
// sender too, with the message's place in its room. The file is written as the local cloud writes its own: a log ahead, and
// no fsync of each write.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { DatabaseSync } from '@photostructure/sqlite'
import { Server } from 'socket.io'

const database = new DatabaseSync(process.argv[2])
database.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE messages (
    room TEXT, seq INTEGER, sender TEXT, client_message_id TEXT, text TEXT, created_at INTEGER,
    PRIMARY KEY (room, seq), UNIQUE (room, client_message_id)
  ) WITHOUT ROWID;
`)
// This also keeps it open: a database that nobody refers to is collected, though its statements are used.
process.on('exit', () => database.close())
// The same message sent again is in the place that it has.
const store = database.prepare(`
  INSERT INTO messages
  SELECT $room, coalesce(max(seq), 0) + 1, $sender, $client_message_id, $text, $created_at FROM messages WHERE room = $room
  ON CONFLICT (room, client_message_id) DO UPDATE SET text = text
  RETURNING seq
`)

const server = createServer()
// Whoever is measured has nothing to be asked meanwhile.
const io = new Server(server, { transports: ['websocket'], serveClient: false, pingInterval: 3_600_000 })
io.on('connection', (socket) => {
  socket.on('join', (room, acknowledge) => {
    socket.join(room)
    acknowledge({ room })
  })
  socket.on('say', ({ room, text, client_message_id }, acknowledge) => {
    const message = { room, sender: socket.id, client_message_id, text, created_at: Date.now() }
    const { seq } = store.get(message)
    io.to(room).emit('message', { seq, ...message })
    acknowledge({ seq, created_at: message.created_at })
  })
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const port = server.address().port
console.log(JSON.stringify({ sockets: `ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket` }))
