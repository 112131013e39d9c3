import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { Refused } from './refused.ts'
import { readJson } from './shape.ts'

// How `--stop` reaches a cluster that runs: a port on loopback, and a secret that only who may read
// the data directory knows. A process id would outlive its process and name another.

const FILE = 'running.json'

interface Running {
  readonly port: number
  readonly secret: string
}

/** Calls `stop` when told to; whoever told it hears the end by the closed connection. */
export async function openControl(data: string, stop: () => void): Promise<{ close(): void }> {
  const secret = randomBytes(16).toString('hex')
  const waiting = new Set<Socket>()
  const server = createServer((socket) => {
    waiting.add(socket)
    socket.on('error', () => waiting.delete(socket))
    socket.once('data', (bytes) => {
      if (bytes.toString() === secret) stop()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const running: Running = { port, secret }
  const file = join(data, FILE)
  writeFileSync(file, JSON.stringify(running), { mode: 0o600 })
  return {
    close: () => {
      rmSync(file, { force: true })
      server.close()
      for (const socket of waiting) socket.destroy()
    }
  }
}

export async function isRunning(data: string): Promise<boolean> {
  const socket = await dial(data)
  socket?.destroy()
  return socket !== undefined
}

/** False: nothing runs there. */
export async function stopRunning(data: string): Promise<boolean> {
  const socket = await dial(data)
  if (socket === undefined) return false
  socket.write(read(data)?.secret ?? '')
  await once(socket.resume(), 'close')
  return true
}

async function dial(data: string): Promise<Socket | undefined> {
  const running = read(data)
  if (running === undefined) return undefined
  const socket = connect(running.port, '127.0.0.1')
  return await new Promise((resolve) => {
    socket.once('connect', () => resolve(socket))
    socket.once('error', () => resolve(undefined))
  })
}

function read(data: string): Running | undefined {
  const file = join(data, FILE)
  if (!existsSync(file)) return undefined
  const remedy = 'end the nodes that run there, if any, and remove it'
  const running = readJson(file, remedy) as Partial<Running>
  const { port = 0, secret } = running
  const isWhole = Number.isInteger(port) && port > 0 && port < 65_536
  if (!isWhole || typeof secret !== 'string') throw new Refused(`${file} is damaged: ${remedy}`)
  return { port, secret }
}
