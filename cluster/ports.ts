import { createServer } from 'node:net'

/** Ports of loopback that were free a moment ago, for who must be told one before it starts. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  const ports = servers.map(async (server) => {
    await new Promise((resolve) => server.once('listening', resolve))
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  const found = await Promise.all(ports)
  for (const server of servers) server.close()
  return found
}
