import { expect, test } from 'vitest'
import type { HttpAnswer } from '../../cluster/http-connection.ts'
import { seededRandom } from '../../src/world/random.ts'
import type { Asked, Caller, Told } from '../torture/callers.ts'
import { Ledgers } from '../torture/ledgers.ts'
import { HttpTransactor, type Request } from '../torture/transactors.ts'

// What the torture does with transactions, against a store in memory that lies in one way: it must
// be found, and a store that does not lie must be believed.

const TRANSACTIONS = 400
/** One in so many transactions ends with an unknown outcome, one in so many with a lie. */
const UNKNOWN_ONE_IN = 8
const LIE_ONE_IN = 5
const STALE_FOR = 10

/**
 * - `half`: of a transaction only the first write is made.
 * - `stale`: a snapshot shows what stood there some transactions ago.
 * - `committed`, `aborted`: told of every transaction that somebody asks for.
 * - `reborn`: a transaction that was told to have failed is made.
 */
type Lie = 'half' | 'stale' | 'committed' | 'aborted' | 'reborn'

interface Held {
  readonly value: string
  readonly revision: number
}

class Store implements Caller {
  readonly name = 'http-0'
  readonly session = 'http-0'
  readonly transactor = new HttpTransactor((method, path, body) =>
    Promise.resolve(method === 'GET' ? this.#state(path) : this.#run(JSON.parse(body ?? '')))
  )
  #held = new Map<string, Held>()
  /** As it stood some transactions ago. */
  #before = new Map<string, Held>()
  readonly #states = new Map<string, boolean>()
  readonly #lie: Lie | undefined
  readonly #random = seededRandom('store')
  #revision = 0

  constructor(lie?: Lie) {
    this.#lie = lie
  }

  ask({ key, call }: Asked): Promise<Told> {
    const held = this.#held.get(key)
    const told = (answer: object) => ({ outcome: { type: 'ok', answer }, stalenessMs: 0, code: '' })
    if (call.type === 'get') {
      const answer = held === undefined ? { type: 'absent' } : { type: 'value', ...held }
      return Promise.resolve(told(answer) as Told)
    }
    if (call.type !== 'put') throw new Error(`nobody asks for ${call.type}`)
    const { revision } = this.#write(key, call.value)
    return Promise.resolve(told({ type: 'written', revision }) as Told)
  }

  close(): void {
    // Nothing is open.
  }

  #run({ if: checks, ops, else: otherwise }: Request): HttpAnswer {
    const id = `t${this.#states.size}`
    const lies = (lie: Lie): boolean => this.#lie === lie && this.#random.below(LIE_ONE_IN) === 0
    const isMet = checks.every((check) => this.#holds(check))
    if (!isMet) return answer(200, { id: null, committed: false, results: this.#shown(otherwise) })
    const isUnknown = this.#random.below(UNKNOWN_ONE_IN) === 0
    const isMade = !isUnknown || this.#random.below(2) === 0
    this.#states.set(id, isMade)
    if (this.#states.size % STALE_FOR === 0) this.#before = new Map(this.#held)
    const isHalf = lies('half')
    const results = isMade ? this.#made(isHalf ? ops.slice(0, 1) : ops, lies('stale')) : []
    if (isUnknown) return failed(504, { code: 'unknown_outcome', outcome: 'unknown', id })
    if (lies('reborn')) return failed(409, { code: 'contention', outcome: 'not_applied' })
    return answer(200, { id, committed: true, results: isHalf ? ops.map(() => null) : results })
  }

  #holds(check: Request['if'][number]): boolean {
    if ('lock' in check) throw new Error('nobody requires locks here')
    const held = this.#held.get(String(check.key))
    if ('revision' in check) return (held?.revision ?? 0) === check.revision
    if ('exists' in check) return (held !== undefined) === check.exists
    return held?.value === check.value
  }

  #made(ops: Request['ops'], isStale: boolean): readonly (Held | null)[] {
    return ops.map((op) => {
      if ('get' in op) return (isStale ? this.#before : this.#held).get(String(op.get)) ?? null
      if ('put' in op) return this.#write(String(op.put), op.value)
      if ('delete' in op) {
        this.#held.delete(String(op.delete))
        return null
      }
      const key = String(op.increment)
      const sum = Number(this.#held.get(key)?.value ?? 0) + (op.by ?? 1)
      return this.#write(key, String(sum))
    })
  }

  #shown(gets: Request['else']): readonly (Held | null)[] {
    return gets.map(({ get }) => this.#held.get(get) ?? null)
  }

  #write(key: string, value: string): Held {
    const held = { value, revision: ++this.#revision }
    this.#held.set(key, held)
    return held
  }

  #state(path: string): HttpAnswer {
    const id = /txn\/(\w+)/.exec(path)?.[1] ?? ''
    if (this.#lie === 'committed' || this.#lie === 'aborted')
      return answer(200, { state: this.#lie })
    return answer(200, { state: this.#states.get(id) === true ? 'committed' : 'aborted' })
  }
}

function answer(status: number, json: object): HttpAnswer {
  return { status, head: '', body: JSON.stringify(json), isUnsent: false }
}

const failed = (status: number, error: object): HttpAnswer => answer(status, { error })

async function judged(lie?: Lie): Promise<string[]> {
  const store = new Store(lie)
  const ledgers = new Ledgers('l', seededRandom('ledgers'))
  for (let i = 0; i < TRANSACTIONS; i++) await ledgers.one(store)
  expect(await ledgers.settle(store)).toEqual([])
  const { ok, unknown } = ledgers.counts
  expect(ok).toBeGreaterThan(TRANSACTIONS / 2)
  expect(unknown).toBeGreaterThan(20)
  expect(ledgers.answers.committed + ledgers.answers.aborted).toBeGreaterThan(unknown)
  return ledgers.check()
}

test('goal: a store that tells the truth about transactions is believed', async () => {
  expect(await judged()).toEqual([])
})

for (const lie of ['half', 'stale', 'committed', 'aborted', 'reborn'] as const) {
  test(`goal: a store that lies about transactions is found out: ${lie}`, async () => {
    expect((await judged(lie)).length).toBeGreaterThan(0)
  })
}
