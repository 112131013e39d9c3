import { createServer } from 'node:net'
import process from 'node:process'

// Sends every byte back; says its port first, and its CPU time when it is asked.

const server = createServer({ noDelay: true }, (socket) => socket.pipe(socket))
server.listen(0, '127.0.0.1', () => process.send?.(server.address()))
process.on('message', () => process.send?.(process.cpuUsage()))
process.on('disconnect', () => process.exit(0))
