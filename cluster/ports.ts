import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/**
 * Below those that systems give to whoever connects: a process that is down finds its own again.
 */
const PORT_MIN = 10_000
const PORT_MAX = 30_000

/** Ports of loopback that were free a moment ago, for who must be told one before it starts. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = []
  const found: number[] = []
  while (found.length < count) {
    const port = randomInt(PORT_MIN, PORT_MAX)
    const server = createServer()
    if (!(await isFree(server, port))) continue
    servers.push(server)
    found.push(port)
  }
  for (const server of servers) server.close()
  return found
}

async function isFree(server: Server, port: number): Promise<boolean> {
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false
    throw error
  }
}
