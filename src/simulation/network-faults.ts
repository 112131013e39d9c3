import { unreachable } from '../world/assert.ts'
import { between, type FaultShell, type Lasts, pick, shuffled } from './faults.ts'
import { SPREADS } from './latency.ts'

export const NETWORK_FAULTS = [
  'cut',
  'cut-one-way',
  'isolate',
  'ring',
  'flap',
  'clog',
  'swizzle',
  'slow-link',
  'reset',
  'reset-midway'
] as const
export type NetworkFault = (typeof NETWORK_FAULTS)[number]

const LASTS: Readonly<Record<NetworkFault, Lasts>> = {
  cut: [200, 6_000],
  'cut-one-way': [200, 6_000],
  isolate: [200, 6_000],
  ring: [500, 6_000],
  flap: [20, 400],
  clog: [50, 2_000],
  swizzle: [100, 3_000],
  'slow-link': [500, 5_000],
  reset: [0, 0],
  'reset-midway': [0, 0]
}
const FLAPS_MAX = 8
/** A slow link takes up to so many times as long. */
const SLOWNESS_MAX = 50

/** How bad the network is all the time: drawn once a run, within pitfalls §5.1's bounds. */
export function drawKnobs({ cluster, random }: FaultShell): void {
  const { knobs } = cluster.network
  const share = (most: number): number =>
    random.below(2) === 0 ? 0 : (random.below(1_000) / 1_000) * most
  knobs.loss = share(0.3)
  knobs.duplicate = share(0.5)
  knobs.reorder = share(0.3)
  knobs.ghosts = random.below(4) === 0 ? share(random.below(2) === 0 ? 0.05 : 0.3) : 0
  const slowest = 1 + random.below(random.below(4) === 0 ? 60 : 8)
  knobs.latencyMs = [0.05, slowest]
  knobs.spread = pick(random, SPREADS)
}

export function strikeNetwork(shell: FaultShell, fault: NetworkFault): void {
  const { cluster, random } = shell
  const { network } = cluster
  const [a, b] = shuffled(random, cluster.nodes)
  if (a === undefined || b === undefined) return
  switch (fault) {
    case 'cut':
    case 'cut-one-way': {
      const [here, there] = split(shell)
      const ways = fault === 'cut' ? 'both' : 'one'
      shell.later(LASTS[fault], fault, network.cut(here, there, ways))
      return
    }
    case 'isolate':
      isolate(shell)
      return
    case 'ring':
      ring(shell)
      return
    case 'flap':
      flap(shell, a.name, b.name, 1 + random.below(FLAPS_MAX))
      return
    case 'clog':
      network.clog(a.name, b.name, between(random, LASTS.clog))
      return
    case 'swizzle':
      swizzle(shell)
      return
    case 'slow-link': {
      const times = 2 + random.below(SLOWNESS_MAX)
      shell.later(LASTS[fault], fault, network.slow(a.name, b.name, times))
      return
    }
    case 'reset':
    case 'reset-midway':
      network.reset(a.name, b.name, fault === 'reset-midway')
      return
    default:
      unreachable(fault)
  }
}

/** Clients stand on either side, too. */
function split({ cluster, random }: FaultShell): [string[], string[]] {
  const { nodes, clients } = cluster
  const here: string[] = []
  const there: string[] = []
  for (const { name } of [...nodes, ...clients]) (random.below(2) === 0 ? here : there).push(name)
  return [here, there]
}

/** One node alone: mostly one that leads. Its clients may still reach it. */
function isolate(shell: FaultShell): void {
  const { cluster, random } = shell
  const leads = cluster.nodes.filter(({ machine }) => {
    for (const replica of machine?.host.replicas() ?? []) if (replica.isLeader) return true
    return false
  })
  const from = leads.length > 0 && random.below(4) > 0 ? leads : cluster.nodes
  const { name } = pick(random, from)
  const others = cluster.nodes.map((node) => node.name).filter((other) => other !== name)
  const { network } = cluster
  const ways = random.below(2) === 0 ? 'both' : 'one'
  const isDeaf = random.below(2) === 0
  const heal = isDeaf ? network.cut(others, [name], ways) : network.cut([name], others, ways)
  shell.later(LASTS.isolate, 'isolate', heal)
}

/** Each node reaches only its neighbours: of five, everybody has a majority, nobody the same. */
function ring(shell: FaultShell): void {
  const { cluster, random } = shell
  const circle = shuffled(random, cluster.nodes).map(({ name }) => name)
  const count = circle.length
  // Of three, a ring is whole: they make a chain.
  const isChain = count < 4
  const heals: (() => void)[] = []
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++) {
      const apart = isChain ? j - i : Math.min(j - i, count - (j - i))
      const [a, b] = [circle[i] as string, circle[j] as string]
      if (apart > 1) heals.push(cluster.network.cut([a], [b]))
    }
  }
  shell.later(LASTS.ring, 'ring', () => {
    for (const heal of heals) heal()
  })
}

/** A link that comes and goes. */
function flap(shell: FaultShell, a: string, b: string, times: number): void {
  const heal = shell.cluster.network.cut([a], [b])
  shell.later(LASTS.flap, 'flap', () => {
    heal()
    if (times > 1) shell.later(LASTS.flap, 'between flaps', () => flap(shell, a, b, times - 1))
  })
}

/**
 * Clogs the links of some nodes one after the other, and lets go in another order: whoever is let
 * go first speaks of a world that the others have not seen yet (FoundationDB's swizzle-clogging).
 */
function swizzle({ cluster, random }: FaultShell): void {
  const { nodes, network } = cluster
  const some = shuffled(random, nodes).slice(0, 1 + random.below(nodes.length))
  for (const { name } of some) {
    const ms = between(random, LASTS.swizzle)
    for (const other of nodes) {
      if (other.name === name) continue
      network.clog(name, other.name, ms)
      network.clog(other.name, name, ms)
    }
  }
}
