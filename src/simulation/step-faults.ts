import { unreachable } from '../world/assert.ts'
import { between, type FaultShell, type Lasts, pick } from './faults.ts'
import type { SimulatedNode } from './node.ts'
import { revive } from './process-faults.ts'
import type { Step } from './steps.ts'

/**
 * Strikes a node right when it takes a certain step: so each step of the commit protocol is the
 * last one of a coordinator or a participant now and then, on no disk, on one or on some.
 */
export const STEP_FAULTS = ['kill-at-step', 'pause-at-step', 'isolate-at-step'] as const
export type StepFault = (typeof STEP_FAULTS)[number]

const STEPS: readonly Step[] = ['create', 'prepare', 'commit', 'abort', 'resolve', 'forget', 'term']
/** How long such a step is waited for. */
const ARMED_MS: Lasts = [300, 4_000]
const STRIKES_MAX = 3
/** From the step to the strike: what was appended may be durable then, and sent. */
const AFTER_MS: Lasts = [0, 8]
const LASTS: Readonly<Record<StepFault, Lasts>> = {
  'kill-at-step': [20, 3_000],
  'pause-at-step': [100, 4_000],
  'isolate-at-step': [200, 4_000]
}

export function strikeStep(shell: FaultShell, fault: StepFault): void {
  const { cluster, random, later } = shell
  let left = 1 + random.below(STRIKES_MAX)
  const disarm = cluster.steps.await(pick(random, STEPS), (node) => {
    if (--left <= 0) disarm()
    const { life } = node
    // Half of the strikes come before anything of the step can be durable.
    const after: Lasts = random.below(2) === 0 ? [0, 0] : AFTER_MS
    later(after, fault, () => {
      if (node.life === life) hit(shell, fault, node)
    })
  })
  later(ARMED_MS, fault, disarm)
}

function hit({ cluster, random, later }: FaultShell, fault: StepFault, node: SimulatedNode): void {
  switch (fault) {
    case 'kill-at-step':
      if (node.machine === undefined) return
      node.kill(random.below(2) === 0)
      later(LASTS[fault], fault, () => revive(node))
      return
    case 'pause-at-step':
      node.life?.pause(between(random, LASTS[fault]))
      return
    case 'isolate-at-step': {
      const others = cluster.nodes.filter((other) => other !== node).map(({ name }) => name)
      later(LASTS[fault], fault, cluster.network.cut([node.name], others))
      return
    }
    default:
      unreachable(fault)
  }
}
