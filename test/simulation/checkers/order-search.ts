import type { Transaction } from './transactions.ts'

/**
 * Whether some order of the transactions explains all reads and fits real time, by trying them
 * all: what `checkListAppend` must agree with on histories of a few transactions. Failed ones have
 * no place in it; unknown ones have one or not.
 */
export function hasStrictOrder(history: readonly Transaction[]): boolean {
  return extend(
    new Map(),
    history.filter(({ outcome }) => outcome !== 'failed')
  )
}

type Lists = ReadonlyMap<string, readonly string[]>

function extend(lists: Lists, left: readonly Transaction[]): boolean {
  const sure = left.filter(({ outcome }) => outcome === 'ok')
  if (sure.length === 0) return true
  const soonest = Math.min(...sure.map(({ returned }) => Number(returned)))
  return left.some((one) => {
    const after = one.called <= soonest ? take(lists, one) : undefined
    return (
      after !== undefined &&
      extend(
        after,
        left.filter((other) => other !== one)
      )
    )
  })
}

/** The lists after the transaction; undefined if it cannot have read what it did. */
function take(before: Lists, { steps }: Transaction): Lists | undefined {
  const lists = new Map(before)
  for (const step of steps) {
    const list = lists.get(step.key) ?? []
    if (step.type === 'append') lists.set(step.key, [...list, step.element])
    else if (list.join() !== step.elements.join()) return undefined
  }
  return lists
}
