import { unreachable } from '../world/assert.ts'
import { between, type FaultShell, type Lasts, pick } from './faults.ts'
import type { SimulatedNode } from './node.ts'

export const PROCESS_FAULTS = [
  'kill',
  'kill-all',
  'kill-at-change',
  'stop',
  'move-http',
  'pause',
  'pause-long',
  'slow-process',
  'clock-jump',
  'restart-client',
  'pause-client'
] as const
export type ProcessFault = (typeof PROCESS_FAULTS)[number]

const LASTS: Readonly<Record<ProcessFault, Lasts>> = {
  kill: [50, 4_000],
  'kill-all': [50, 3_000],
  'kill-at-change': [50, 4_000],
  stop: [100, 6_000],
  'move-http': [20, 1_000],
  pause: [100, 8_000],
  'pause-long': [8_000, 60_000],
  'slow-process': [500, 6_000],
  'clock-jump': [0, 0],
  'restart-client': [0, 0],
  'pause-client': [50, 3_000]
}
/** What an event costs a slow process: as if its machine had a twentieth of a core, or less. */
const EVENT_MS_MAX = 10
const JUMP_MS_MAX = 10_000
/** Parts per million: crystals are off by up to so much; one clock of a run may be far off. */
const DRIFT_PPM_MAX = 200
const FAR_OFF = 0.1

/** Clocks that are wrong all the time: drawn once a run. */
export function drawClocks({ cluster, random }: FaultShell): void {
  if (random.below(2) === 0) return
  for (const node of cluster.nodes) {
    node.clockRate = 1 + (random.below(2 * DRIFT_PPM_MAX + 1) - DRIFT_PPM_MAX) / 1e6
  }
  if (random.below(3) > 0) return
  pick(random, cluster.nodes).clockRate = random.below(2) === 0 ? 1 - FAR_OFF : 1 + FAR_OFF
}

export function strikeProcess(
  shell: FaultShell,
  fault: ProcessFault,
  node: SimulatedNode = pick(shell.random, shell.cluster.nodes)
): void {
  const { cluster, random } = shell
  switch (fault) {
    case 'kill':
    case 'kill-at-change':
    case 'stop':
      end(shell, node, fault)
      return
    case 'move-http':
      // A new map follows, which some will miss.
      node.http = `http://${node.name}:${random.below(0x1_0000)}`
      end(shell, node, fault)
      return
    case 'kill-all':
      for (const each of cluster.nodes) end(shell, each, fault)
      return
    case 'pause':
    case 'pause-long':
      node.life?.pause(between(random, LASTS[fault]))
      return
    case 'slow-process': {
      const costMs = (1 + random.below(EVENT_MS_MAX * 20)) / 20
      node.life?.slow(costMs, between(random, LASTS[fault]))
      return
    }
    case 'clock-jump':
      node.life?.shiftWall(random.below(2 * JUMP_MS_MAX) - JUMP_MS_MAX)
      return
    case 'restart-client':
      pick(random, cluster.clients).restart()
      return
    case 'pause-client':
      pick(random, cluster.clients).life.pause(between(random, LASTS[fault]))
      return
    default:
      unreachable(fault)
  }
}

function end(
  shell: FaultShell,
  node: SimulatedNode,
  fault: 'kill' | 'kill-all' | 'kill-at-change' | 'stop' | 'move-http'
): void {
  if (node.machine === undefined) return
  const power = shell.random.below(2) === 0
  const reviveLater = (): void => shell.later(LASTS[fault], fault, () => revive(node))
  switch (fault) {
    case 'stop':
      node.stop()
      shell.later(LASTS[fault], fault, () => {
        // As a process that takes too long to stop is killed.
        if (node.machine?.stopping) node.kill(power)
        revive(node)
      })
      return
    case 'kill-at-change':
      node.killAfterChange(1 + shell.random.below(20), power, reviveLater)
      return
    default:
      node.kill(power)
      reviveLater()
  }
}

export function revive(node: SimulatedNode): void {
  if (node.machine === undefined) node.boot()
}
