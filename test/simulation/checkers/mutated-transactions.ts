import type { Random } from '../../../src/world/random.ts'
import type { Step, Transaction } from './transactions.ts'

/** The history with one thing changed by chance; it may still be a good one. */
export function mutate(random: Random, history: readonly Transaction[]): Transaction[] {
  const at = random.below(history.length)
  return history.map((one, i) => (i === at ? mutateOne(random, one, history) : one))
}

function mutateOne(random: Random, one: Transaction, history: readonly Transaction[]): Transaction {
  const kind = random.below(8)
  if (kind === 0) return { ...one, outcome: 'failed', returned: one.returned ?? one.called + 5 }
  if (kind === 1) return { ...one, outcome: 'unknown', returned: undefined }
  if (kind === 2) return { ...one, outcome: 'ok', returned: one.returned ?? one.called + 5 }
  if (kind === 3) return moved(random, one)
  const at = random.below(one.steps.length)
  if (kind === 4 && at > 0) {
    const [before, after] = [one.steps[at - 1] as Step, one.steps[at] as Step]
    return { ...one, steps: one.steps.toSpliced(at - 1, 2, after, before) }
  }
  const step = one.steps[at] as Step
  if (step.type === 'append') return one
  const elements = mutateList(random, step, history)
  return { ...one, steps: one.steps.with(at, { ...step, elements }) }
}

function moved(random: Random, one: Transaction): Transaction {
  const by = random.below(21) - 10
  const returned = one.returned === undefined ? undefined : one.returned + by
  return { ...one, called: one.called + by, returned }
}

function mutateList(
  random: Random,
  { key, elements }: Extract<Step, { readonly type: 'read' }>,
  history: readonly Transaction[]
): readonly string[] {
  const kind = random.below(6)
  if (kind === 0) return elements.slice(0, -1)
  if (kind === 1) return elements.slice(1)
  if (kind === 2) return elements.toReversed()
  if (kind === 3) return [...elements, 'nobody']
  const steps = history.flatMap((one) => one.steps).filter((step) => step.key === key)
  const other = steps[random.below(steps.length)] as Step
  return other.type === 'append' ? [...elements, other.element] : other.elements
}
