import type { Random } from '../../../src/world/random.ts'
import type { Add, SetKind, SetRead } from './set.ts'

export interface SetShape {
  readonly kind: SetKind
  readonly clients: number
  readonly operations: number
  /** Of a hundred adds, how many end unknown, and how many fail. */
  readonly unknownPercent: number
  readonly failedPercent: number
}

interface Adding {
  readonly type: 'add'
  readonly add: Add
  /** When it takes effect; undefined: never. */
  readonly at: number | undefined
}

interface Reading {
  readonly type: 'read'
  readonly client: string
  readonly called: number
  readonly returned: number
}

/**
 * A history of a set that is correct by construction: each add takes effect at one instant between
 * its call and its return, or at any time after its call if its outcome is unknown. A read of a
 * list looks at one instant, a read of keys at one for each.
 */
export function correctSet(
  random: Random,
  shape: SetShape
): { readonly adds: Add[]; readonly reads: SetRead[] } {
  const busyTo = new Array<number>(shape.clients).fill(0)
  const drawn: (Adding | Reading)[] = []
  for (let i = 0; i < shape.operations; i++) {
    const at = random.below(shape.clients)
    const called = (busyTo[at] as number) + random.below(4)
    const returned = called + random.below(12)
    busyTo[at] = returned
    const client = `c${at}`
    drawn.push(
      random.below(3) === 0
        ? { type: 'read', client, called, returned }
        : draw(random, shape, { client, element: `e${i}`, called, returned })
    )
  }
  const adding = drawn.filter((one) => one.type === 'add')
  const reading = drawn.filter((one) => one.type === 'read')
  return {
    adds: adding.map(({ add }) => add),
    reads: reading.map((read) => look(random, shape.kind, read, adding))
  }
}

function draw(
  random: Random,
  { unknownPercent, failedPercent }: SetShape,
  add: Pick<Add, 'client' | 'element' | 'called'> & { readonly returned: number }
): Adding {
  const fate = random.below(100)
  const { called, returned } = add
  // Never at one instant with another: which of two came first must be certain.
  const instant = (from: number, length: number): number =>
    from + (length * random.below(1_000_000)) / 1_000_000
  if (fate < unknownPercent) {
    const at = random.below(2) === 0 ? undefined : instant(called, 100)
    return { type: 'add', add: { ...add, returned: undefined, outcome: 'unknown' }, at }
  }
  if (fate < unknownPercent + failedPercent) {
    return { type: 'add', add: { ...add, outcome: 'failed' }, at: undefined }
  }
  return { type: 'add', add: { ...add, outcome: 'ok' }, at: instant(called, returned - called) }
}

function look(
  random: Random,
  kind: SetKind,
  { client, called, returned }: Reading,
  adding: readonly Adding[]
): SetRead {
  const instant = (): number => called + ((returned - called) * random.below(1_000_000)) / 1_000_000
  const one = instant()
  const asked =
    kind === 'keys' && random.below(2) === 0
      ? adding.filter(() => random.below(2) === 0)
      : undefined
  const there = (asked ?? adding).filter(
    ({ at }) => at !== undefined && at <= (kind === 'list' ? one : instant())
  )
  there.sort((a, b) => (a.at ?? 0) - (b.at ?? 0))
  const elements = there.map(({ add }) => add.element)
  const read = { client, called, returned, elements }
  return asked === undefined
    ? read
    : { ...read, asked: new Set(asked.map(({ add }) => add.element)) }
}
