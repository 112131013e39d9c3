import type { Random } from '../../../src/world/random.ts'
import { Store } from './generated.ts'
import type { Outcome } from './linearizable.ts'
import type { Near, Seen } from './near-reads.ts'
import type { Answer, Call } from './register.ts'

interface Drawn {
  readonly client: string
  readonly called: number
  readonly returned: number
  readonly call: Call
  readonly near: Near | undefined
  readonly fate: 'ok' | 'failed' | 'unknown'
  /** When it takes effect or looks; undefined: never. */
  readonly at: number | undefined
}

/** The oldest that an eventual read of these histories may be. */
const STALENESS_MS_MAX = 40

/**
 * A history of one key with replicas that lag, correct by construction: changes take effect one
 * after the other, each at an instant between its call and its return (or later, if nobody was
 * told); a session read looks at an instant no earlier than any its session has seen, an eventual
 * one at most as long before its call as it says.
 */
export function correctNearReads(random: Random, clients: number, operations: number): Seen[] {
  const store = new Store(random)
  const drawn = draw(random, store, { clients, operations })
  const effects = drawn
    .filter(({ at, near }) => at !== undefined && near === undefined)
    .sort((a, b) => (a.at ?? 0) - (b.at ?? 0))
  const answers = new Map<Drawn, Answer>()
  const shown: { readonly at: number; readonly answer: Answer }[] = []
  for (const effect of effects) {
    answers.set(effect, store.take(effect.call))
    shown.push({ at: effect.at ?? 0, answer: store.take({ type: 'get' }) })
  }
  const shownAt = (at: number): Answer =>
    shown.findLast((one) => one.at <= at)?.answer ?? { type: 'absent' }
  return drawn.map((one) => {
    const answer = one.near === undefined ? answers.get(one) : shownAt(one.at ?? 0)
    return seen(one, answer)
  })
}

function draw(
  random: Random,
  store: Store,
  { clients, operations }: { readonly clients: number; readonly operations: number }
): Drawn[] {
  const free = new Array<number>(clients).fill(0)
  /** What the session has seen is of this instant. */
  const floors = new Array<number>(clients).fill(0)
  const drawn: Drawn[] = []
  for (let i = 0; i < operations; i++) {
    const who = random.below(clients)
    const called = (free[who] as number) + random.below(5)
    const returned = called + 1 + random.below(10)
    free[who] = returned
    const call = store.choose()
    const near = call.type === 'get' ? drawNear(random) : undefined
    const fate = call.type === 'get' ? 'ok' : drawFate(random)
    const from =
      near === undefined
        ? called
        : near.consistency === 'session'
          ? (floors[who] as number)
          : called - near.stalenessMs
    const at = fate === 'ok' ? instant(random, from, returned) : adrift(random, called, fate)
    if (fate === 'ok' && at !== undefined) floors[who] = Math.max(floors[who] as number, at)
    drawn.push({ client: `c${who}`, called, returned, call, near, fate, at })
  }
  return drawn
}

function drawNear(random: Random): Near | undefined {
  const kind = random.below(3)
  if (kind === 0) return undefined
  return kind === 1
    ? { consistency: 'session', stalenessMs: 0 }
    : { consistency: 'eventual', stalenessMs: random.below(STALENESS_MS_MAX) }
}

function drawFate(random: Random): Drawn['fate'] {
  const drawn = random.below(10)
  return drawn === 0 ? 'unknown' : drawn === 1 ? 'failed' : 'ok'
}

const instant = (random: Random, from: number, to: number): number =>
  from + ((to - from) * random.below(1_000_000)) / 1_000_000

const adrift = (random: Random, called: number, fate: Drawn['fate']): number | undefined =>
  fate === 'unknown' && random.below(2) === 0 ? instant(random, called, called + 50) : undefined

function seen({ client, called, returned, call, near, fate }: Drawn, answer?: Answer): Seen {
  const outcome: Outcome =
    fate === 'ok' && answer !== undefined
      ? { type: 'ok', answer }
      : { type: fate === 'failed' ? 'failed' : 'unknown' }
  const operation = {
    client,
    session: client,
    key: 'k',
    called,
    returned: outcome.type === 'unknown' ? undefined : returned,
    call,
    outcome
  }
  return near === undefined ? operation : { ...operation, near }
}
