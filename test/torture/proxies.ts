import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { freePorts } from '../../cluster/ports.ts'
import { CALLERS, type Network, type Place } from './network.ts'

/** One connection through a proxy: who dialled whom, and both of its halves. */
interface Pair {
  readonly from: number
  readonly to: number
  readonly near: Socket
  /** Undefined until nothing is cut between the two. */
  far: Socket | undefined
}

/**
 * A TCP proxy in front of each node, on loopback: needs no rights at all. What is cut off waits in
 * the proxy; what is dialled meanwhile is taken and gets no further. Callers over HTTP do not come
 * this way. Linux only: who dialled is known by whose socket it is (/proc).
 */
export class Proxies implements Network {
  readonly kind = 'proxies'
  readonly cutsCallers = false
  readonly #ports: readonly number[]
  readonly #pids: () => readonly number[]
  readonly #servers: Server[] = []
  readonly #pairs = new Set<Pair>()
  readonly #cuts = new Set<string>()

  /** Undefined: it can be had here. */
  static get obstacle(): string | undefined {
    return existsSync('/proc/net/tcp') ? undefined : 'proxies tell nodes apart by /proc: only Linux'
  }

  private constructor(ports: readonly number[], pids: () => readonly number[]) {
    this.#ports = ports
    this.#pids = pids
  }

  /** `pids`: of the processes the nodes are at the time. */
  static async open(nodes: number, pids: () => readonly number[]): Promise<Proxies> {
    const proxies = new Proxies(await freePorts(3 * nodes), pids)
    for (let node = 0; node < nodes; node++) {
      const server = createServer((socket) => proxies.#accept(socket, node))
      proxies.#servers.push(server.listen(proxies.#port(node, 1), '127.0.0.1'))
      await once(server, 'listening')
    }
    return proxies
  }

  place(node: number): Place {
    const multiaddr = (which: number): string => `/ip4/127.0.0.1/tcp/${this.#port(node, which)}`
    const http = `127.0.0.1:${this.#port(node, 2)}`
    return { listen: multiaddr(0), announce: multiaddr(1), http, launcher: [] }
  }

  cut(from: number, to: number): void {
    this.#cuts.add(`${from} ${to}`)
    for (const pair of this.#pairs) this.#obey(pair)
  }

  mend(): void {
    this.#cuts.clear()
    for (const pair of this.#pairs) this.#obey(pair)
  }

  reset(): boolean {
    for (const { from, near, far } of this.#pairs) {
      if (from === CALLERS) continue
      near.resetAndDestroy()
      far?.resetAndDestroy()
    }
    return true
  }

  close(): void {
    for (const server of this.#servers) server.close()
    for (const { near, far } of this.#pairs) {
      near.destroy()
      far?.destroy()
    }
  }

  #port(node: number, which: 0 | 1 | 2 | number): number {
    return this.#ports[3 * node + which] ?? 0
  }

  #accept(near: Socket, to: number): void {
    const from = this.#dialler(near)
    const pair: Pair = { from, to, near, far: undefined }
    this.#pairs.add(pair)
    this.#tie(pair, near)
    near.pause()
    this.#obey(pair)
  }

  /** When one half is gone, so is the other. */
  #tie(pair: Pair, half: Socket): void {
    half.setNoDelay(true)
    // What is wrong with one half is the other's to be told, and 'close' does that.
    half.on('error', () => undefined)
    half.on('close', () => {
      this.#pairs.delete(pair)
      pair.near.destroy()
      pair.far?.destroy()
    })
  }

  #obey(pair: Pair): void {
    const { from, to, near } = pair
    const isOut = this.#cuts.has(`${from} ${to}`)
    const isBack = this.#cuts.has(`${to} ${from}`)
    if (pair.far === undefined) {
      if (isOut || isBack || near.destroyed) return
      const far = connect(this.#port(to, 0), '127.0.0.1')
      pair.far = far
      this.#tie(pair, far)
      near.pipe(far)
      far.pipe(near)
      return
    }
    // A pipe would read on by itself as soon as the other half has room.
    if (isOut) near.unpipe(pair.far).pause()
    else if (near.isPaused()) near.pipe(pair.far)
    if (isBack) pair.far.unpipe(near).pause()
    else if (pair.far.isPaused()) pair.far.pipe(near)
  }

  /** The node whose process holds the other end of `socket`. */
  #dialler(socket: Socket): number {
    const inode = inodeOf(socket.remotePort ?? 0, socket.localPort ?? 0)
    if (inode === undefined) return CALLERS
    return this.#pids().findIndex((pid) => holds(pid, `socket:[${inode}]`))
  }
}

/** The socket of this system that is connected from port `local` to port `remote` of loopback. */
function inodeOf(local: number, remote: number): string | undefined {
  const port = (number: number): string => number.toString(16).toUpperCase().padStart(4, '0')
  for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n')) {
    const fields = line.trim().split(/\s+/)
    if (fields[1]?.endsWith(`:${port(local)}`) && fields[2]?.endsWith(`:${port(remote)}`)) {
      return fields[9]
    }
  }
  return undefined
}

function holds(pid: number, target: string): boolean {
  const directory = `/proc/${pid}/fd`
  try {
    return readdirSync(directory).some((fd) => {
      try {
        return readlinkSync(join(directory, fd)) === target
      } catch {
        // Closed since it was listed.
        return false
      }
    })
  } catch {
    // The process is gone, and so is whatever it dialled.
    return false
  }
}
