import { type Check, type KeyMesh, KeyMeshError, type Tx, type TxnOp } from 'keymesh'
import type { HttpAnswer } from '../../cluster/http-connection.ts'
import { errorOf } from './http-error.ts'

/** A transaction as both the library and the JSON of HTTP have it. */
export interface Request {
  readonly if: readonly Check<string>[]
  readonly ops: readonly TxnOp<string>[]
  /** What is read instead if a condition does not hold. */
  readonly else: readonly { readonly get: string }[]
}

/** What somebody was told of a transaction. */
export interface Ran {
  /** `refused`: a condition did not hold. */
  readonly outcome: 'committed' | 'refused' | 'failed' | 'unknown'
  /** Of each operation that was run: what was read or counted. */
  readonly values: readonly (string | undefined)[]
  /** Only over HTTP, and not of what wrote nothing. */
  readonly id?: string
  /** A code of docs/errors.md, `connection`, or '' for success. */
  readonly code: string
}

/** `gone`: nobody remembers it. `unasked`: nobody answered. */
export type State = 'committed' | 'aborted' | 'pending' | 'gone' | 'unasked'

/** Somebody who runs transactions, one at a time. */
export type Transactor = ClientTransactor | HttpTransactor

const TIMEOUT_MS = 5_000
const OPTIONS = { timeout: TIMEOUT_MS }

/** Through the library: whatever it offers for the purpose. */
export class ClientTransactor {
  readonly type = 'client'
  readonly #kv: KeyMesh<string>

  constructor(kv: KeyMesh<string>) {
    this.#kv = kv
  }

  run({ if: checks, ops, else: otherwise }: Request): Promise<Ran> {
    return told(async () => {
      const writes = ops.flatMap((op) => ('get' in op ? [] : [op]))
      if (checks.length === 0 && writes.length === ops.length) {
        const results = await this.#kv.batch(writes, OPTIONS)
        return { outcome: 'committed', values: results.map(shownBy), code: '' }
      }
      const done = await this.#kv.txn({ if: checks, ops, else: otherwise }, OPTIONS)
      const outcome = done.committed ? 'committed' : 'refused'
      return { outcome, values: done.results.map(shownBy), code: '' }
    })
  }

  /** Keys as they were at one moment. */
  snapshot(keys: readonly string[]): Promise<Ran> {
    return told(async () => {
      const values = await this.#kv.getMany(keys, { ...OPTIONS, consistency: 'strong' })
      return { outcome: 'committed', values, code: '' }
    })
  }

  /** `body` runs once for each attempt; only the last one can have been committed. */
  transaction(body: (tx: Tx<string>) => Promise<void>): Promise<Ran> {
    return told(async () => {
      await this.#kv.transaction(body, OPTIONS)
      return { outcome: 'committed', values: [], code: '' }
    })
  }
}

/** Of the library, as `Ran` has it. */
async function told(run: () => Promise<Ran>): Promise<Ran> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof KeyMeshError)) throw error
    const outcome = error.outcome === 'not_applied' ? 'failed' : 'unknown'
    return { outcome, values: [], code: error.code }
  }
}

/** Over HTTP. */
export class HttpTransactor {
  readonly type = 'http'
  readonly #ask: (method: 'GET' | 'POST', path: string, body?: string) => Promise<HttpAnswer>

  constructor(ask: (method: 'GET' | 'POST', path: string, body?: string) => Promise<HttpAnswer>) {
    this.#ask = ask
  }

  async run(request: Request): Promise<Ran> {
    const path = `/v1/txn?timeout=${TIMEOUT_MS}`
    const answer = await this.#ask('POST', path, JSON.stringify(request))
    if (answer.status === 0) {
      const outcome = answer.isUnsent ? 'failed' : 'unknown'
      return { outcome, values: [], code: 'connection' }
    }
    if (answer.status !== 200) {
      const { code, outcome, id } = errorOf(answer)
      const named = id === undefined ? {} : { id }
      return { outcome: outcome === 'unknown' ? 'unknown' : 'failed', values: [], ...named, code }
    }
    const json = JSON.parse(answer.body) as JsonOutcome
    const outcome = json.committed ? 'committed' : 'refused'
    const named = json.id === null ? {} : { id: json.id }
    return { outcome, values: json.results.map(shownBy), ...named, code: '' }
  }

  /** Keys as they were at one moment. */
  snapshot(keys: readonly string[]): Promise<Ran> {
    return this.run({ if: [], ops: keys.map((get) => ({ get })), else: [] })
  }

  /** What became of a transaction. */
  async stateOf(id: string): Promise<State> {
    const answer = await this.#ask('GET', `/v1/txn/${id}?timeout=${TIMEOUT_MS}`)
    if (answer.status !== 200) return 'unasked'
    const { state } = JSON.parse(answer.body) as { state: State | 'unknown' }
    return state === 'unknown' ? 'gone' : state
  }
}

interface JsonOutcome {
  readonly id: string | null
  readonly committed: boolean
  readonly results: readonly Result[]
}

/** Of one operation, in the library as over HTTP. */
type Result = object | null | undefined

function shownBy(result: Result): string | undefined {
  const value: unknown =
    result === null || result === undefined ? undefined : Reflect.get(result, 'value')
  return value === undefined ? undefined : String(value)
}
