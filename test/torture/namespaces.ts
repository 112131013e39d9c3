import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { CALLERS, type Network, type Place } from './network.ts'

const BRIDGE = 'hub'
const P2P_PORT = 7101
const HTTP_PORT = 8101
/** An address on the bridge that nobody has: what is sent to it is lost without a word. */
const NOBODY = '02:00:00:00:00:fe'

/**
 * Nodes in network namespaces of their own, around a bridge in ours. A cut is silent, as a broken
 * switch is: the sender resolves the address of the other to a hardware address that nobody has, so
 * that packets are lost, in this direction only. Requires: this process has namespaces of its own
 * (see ground.ts), so that nothing is left of these when it ends.
 */
export class Namespaces implements Network {
  readonly kind = 'namespaces'
  readonly cutsCallers = true
  readonly #nodes: number
  readonly #cuts = new Set<string>()

  constructor(nodes: number) {
    this.#nodes = nodes
    prepareBridge()
    for (let node = 0; node < nodes; node++) this.#add(node)
    for (const from of this.#parties()) {
      for (const to of this.#parties()) if (from !== to) resolve(from, to, hardware(to))
    }
  }

  place(node: number): Place {
    const listen = `/ip4/${address(node)}/tcp/${P2P_PORT}`
    const launcher = ['ip', 'netns', 'exec', name(node)]
    return { listen, announce: listen, http: `${address(node)}:${HTTP_PORT}`, launcher }
  }

  cut(from: number, to: number): void {
    this.#cuts.add(`${from} ${to}`)
    resolve(from, to, NOBODY)
  }

  mend(): void {
    for (const cut of this.#cuts) {
      const [from = 0, to = 0] = cut.split(' ').map(Number)
      resolve(from, to, hardware(to))
    }
    this.#cuts.clear()
  }

  reset(): boolean {
    return false
  }

  close(): void {
    for (let node = 0; node < this.#nodes; node++) {
      // With its namespace it would go, too, but some time later.
      ip('link', 'del', port(node))
      ip('netns', 'del', name(node))
    }
  }

  #parties(): number[] {
    return [CALLERS, ...Array.from({ length: this.#nodes }, (_, node) => node)]
  }

  #add(node: number): void {
    ip('netns', 'add', name(node))
    ip('link', 'add', port(node), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name(node))
    ip('link', 'set', port(node), 'master', BRIDGE, 'up')
    ip('-n', name(node), 'link', 'set', 'lo', 'up')
    ip('-n', name(node), 'link', 'set', 'eth0', 'address', hardware(node), 'up')
    ip('-n', name(node), 'addr', 'add', `${address(node)}/24`, 'dev', 'eth0')
  }
}

let isPrepared = false

function prepareBridge(): void {
  if (isPrepared) return
  // Names of namespaces are files: ours are to be seen by nobody else.
  mkdirSync('/run/netns', { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', 'none', '/run/netns'])
  ip('link', 'add', BRIDGE, 'address', hardware(CALLERS), 'type', 'bridge')
  ip('link', 'set', BRIDGE, 'up')
  ip('addr', 'add', `${address(CALLERS)}/24`, 'dev', BRIDGE)
  isPrepared = true
}

function resolve(from: number, to: number, at: string): void {
  const where = from === CALLERS ? [] : ['-n', name(from)]
  const device = from === CALLERS ? BRIDGE : 'eth0'
  ip(...where, 'neigh', 'replace', address(to), 'lladdr', at, 'dev', device, 'nud', 'permanent')
}

const name = (node: number): string => `node${node}`
const port = (node: number): string => `port${node}`
const address = (party: number): string => `10.77.0.${party + 2}`
const hardware = (party: number): string => `02:00:00:00:00:${String(party + 2).padStart(2, '0')}`

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
