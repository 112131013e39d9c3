import { setTimeout as wait } from 'node:timers/promises'
import { type KeyMesh, KeyMeshError } from 'keymesh'
import { type HttpAnswer, HttpConnection } from '../../cluster/http-connection.ts'
import type { Outcome } from '../simulation/checkers/linearizable.ts'
import type { Near } from '../simulation/checkers/near-reads.ts'
import type { Answer, Call } from '../simulation/checkers/register.ts'
import { errorOf } from './http-error.ts'
import { ClientTransactor, HttpTransactor, type Transactor } from './transactors.ts'

/** What somebody wants of one key. */
export interface Asked {
  readonly key: string
  readonly call: Call
  /** Of a read. */
  readonly consistency: 'strong' | Near['consistency']
  /** Sent again under the same one, it happens once; only over HTTP. */
  readonly idempotencyKey?: string
}

export interface Told {
  readonly outcome: Outcome
  /** Of an `eventual` read; else 0. */
  readonly stalenessMs: number
  /** A code of docs/errors.md, `connection`, or '' for success. */
  readonly code: string
}

/** Somebody who calls, one call at a time, and takes whatever a server may do for an answer. */
export interface Caller {
  readonly name: string
  /** Callers of one session see what each other has seen. */
  readonly session: string
  readonly transactor: Transactor
  ask(asked: Asked): Promise<Told>
  close(): void
}

export const TIMEOUT_MS = 5_000
/** A node that does not even say in time that it had no time is stopped, or cut off. */
const PATIENCE_MS = 7_000
const INSIST_PAUSE_MS = 200
const FAILED: Outcome = { type: 'failed' }
const UNKNOWN: Outcome = { type: 'unknown' }

const ok = (answer: Answer): Told => ({ outcome: { type: 'ok', answer }, stalenessMs: 0, code: '' })

/** Of one that answers sooner or later; seconds, unless the machine is busy. */
const INSIST_MS_MAX = 120_000

export const once = (caller: Caller, asked: Asked): Promise<Told> => caller.ask(asked)

/** Asks again and again until it is answered: for what can be asked twice, on a whole cluster. */
export async function insist(caller: Caller, asked: Asked): Promise<Told> {
  const end = performance.now() + INSIST_MS_MAX
  for (;;) {
    const told = await caller.ask(asked)
    if (told.outcome.type === 'ok' || performance.now() > end) return told
    await wait(INSIST_PAUSE_MS)
  }
}

/** A caller over HTTP, with a session of its own; goes on to the next node when one fails it. */
export class HttpCaller implements Caller {
  readonly name: string
  readonly session: string
  readonly transactor = new HttpTransactor((method, path, body = '') =>
    this.#send(method, path, { body, headers: '' })
  )
  readonly #connections: readonly HttpConnection[]
  #at: number
  #seen = ''

  /** `first`: of `urls`, the one to begin with. */
  constructor(name: string, urls: readonly string[], headers: string, first: number) {
    this.name = name
    this.session = name
    this.#connections = urls.map((url) => new HttpConnection(url, headers))
    this.#at = first % urls.length
  }

  async ask(asked: Asked): Promise<Told> {
    const { method, path, body, headers } = requestOf(asked)
    const answer = await this.#send(method, path, { body, headers })
    const stalenessMs = Number(headerOf(answer, 'keymesh-staleness-ms') ?? 0)
    return { ...toldBy(asked.call, answer), stalenessMs }
  }

  async #send(
    method: string,
    path: string,
    { body, headers }: { readonly body: string; readonly headers: string }
  ): Promise<HttpAnswer> {
    const connection = this.#connections[this.#at] as HttpConnection
    const seen = this.#seen === '' ? '' : `keymesh-session: ${this.#seen}\r\n`
    const patience = setTimeout(() => connection.close(), PATIENCE_MS)
    const answer = await connection.request(method, path, body, `${headers}${seen}`)
    clearTimeout(patience)
    if (answer.status === 0 || answer.status >= 500) this.moveOn()
    this.#seen = headerOf(answer, 'keymesh-session') ?? this.#seen
    return answer
  }

  moveOn(): void {
    this.#at = (this.#at + 1) % this.#connections.length
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }
}

function requestOf({ key, call, consistency, idempotencyKey }: Asked): {
  readonly method: string
  readonly path: string
  readonly body: string
  readonly headers: string
} {
  const path = `/v1/kv/${key}`
  const query = `?timeout=${TIMEOUT_MS}`
  let headers = idempotencyKey === undefined ? '' : `idempotency-key: ${idempotencyKey}\r\n`
  if (call.type === 'get') {
    return { method: 'GET', path: `${path}${query}&consistency=${consistency}`, body: '', headers }
  }
  if (call.ifRevision === 0) headers += 'if-none-match: *\r\n'
  else if (call.ifRevision !== undefined) headers += `if-match: "${call.ifRevision}"\r\n`
  switch (call.type) {
    case 'put':
      return { method: 'PUT', path: `${path}${query}`, body: call.value, headers }
    case 'delete':
      return { method: 'DELETE', path: `${path}${query}`, body: '', headers }
    case 'increment': {
      const body = JSON.stringify({ by: call.by })
      return { method: 'POST', path: `${path}/increment${query}`, body, headers }
    }
    case 'touch':
      return { method: 'POST', path: `${path}/touch${query}`, body: '{"ttl":null}', headers }
  }
}

function headerOf({ head }: HttpAnswer, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}: *([^\\r]*)`).exec(head)?.[1]
}

function toldBy(call: Call, answer: HttpAnswer): Told {
  const { status, body, isUnsent } = answer
  if (status === 0) {
    return { outcome: isUnsent ? FAILED : UNKNOWN, stalenessMs: 0, code: 'connection' }
  }
  const revision = Number(headerOf(answer, 'keymesh-revision') ?? 0)
  if (status === 200) return ok(answerOf(call, revision, body))
  const { code, outcome } = errorOf(answer)
  if (code === 'not_found') return ok({ type: 'absent' })
  if (code === 'conflict') return ok({ type: 'conflict', revision })
  if (code === 'not_a_number') return ok({ type: 'not-a-number' })
  return { outcome: outcome === 'not_applied' ? FAILED : UNKNOWN, stalenessMs: 0, code }
}

function answerOf(call: Call, revision: number, body: string): Answer {
  switch (call.type) {
    case 'get':
      return { type: 'value', value: body, revision }
    case 'put':
    case 'touch':
      return { type: 'written', revision }
    case 'delete': {
      const { existed } = JSON.parse(body) as { existed: boolean }
      return existed ? { type: 'deleted', revision } : { type: 'absent' }
    }
    case 'increment':
      return { type: 'counted', value: (JSON.parse(body) as { value: number }).value, revision }
  }
}

/** A caller through the client library, one of several of one client. */
export class ClientCaller implements Caller {
  readonly name: string
  readonly session: string
  readonly transactor: Transactor
  readonly #kv: KeyMesh<string>

  constructor(name: string, session: string, kv: KeyMesh<string>) {
    this.name = name
    this.session = session
    this.transactor = new ClientTransactor(kv)
    this.#kv = kv
  }

  async ask({ key, call, consistency }: Asked): Promise<Told> {
    try {
      const told = ok(await this.#answer(key, call, consistency))
      // The library does not say how old a read may be.
      return consistency === 'eventual' ? { ...told, stalenessMs: Number.POSITIVE_INFINITY } : told
    } catch (error) {
      if (!(error instanceof KeyMeshError)) throw error
      const { code, outcome } = error
      if (code === 'not_found') return ok({ type: 'absent' })
      if (code === 'not_a_number') return ok({ type: 'not-a-number' })
      if (code === 'conflict') {
        return ok({ type: 'conflict', revision: (error as { revision?: number }).revision ?? 0 })
      }
      return { outcome: outcome === 'not_applied' ? FAILED : UNKNOWN, stalenessMs: 0, code }
    }
  }

  close(): void {
    // The client is whoever made it's to close.
  }

  async #answer(key: string, call: Call, consistency: Asked['consistency']): Promise<Answer> {
    const options = { timeout: TIMEOUT_MS }
    if (call.type === 'get') {
      const entry = await this.#kv.getEntry(key, { ...options, consistency })
      if (entry === undefined) return { type: 'absent' }
      return { type: 'value', value: entry.value, revision: entry.revision }
    }
    const { ifRevision } = call
    const conditional = ifRevision === undefined ? options : { ...options, ifRevision }
    switch (call.type) {
      case 'put':
        return { type: 'written', ...(await this.#kv.put(key, call.value, conditional)) }
      case 'delete': {
        const { revision } = await this.#kv.delete(key, conditional)
        return revision === undefined ? { type: 'absent' } : { type: 'deleted', revision }
      }
      case 'increment':
        return { type: 'counted', ...(await this.#kv.increment(key, call.by, conditional)) }
      case 'touch':
        return { type: 'written', ...(await this.#kv.touch(key, null, conditional)) }
    }
  }
}
