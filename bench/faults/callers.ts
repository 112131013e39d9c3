import { setTimeout as wait } from 'node:timers/promises'
import { type KeyMesh, KeyMeshError } from 'keymesh'
import { type HttpAnswer, HttpConnection } from '../../cluster/http-connection.ts'

/** How one call ended; `code` is '' if it succeeded. */
export interface Ended {
  readonly code: string
  readonly message: string
}

/** Makes call number `n`: puts and strong gets in turn. Never rejects for what a server may do. */
export type Call = (n: number) => Promise<Ended>

export interface Way {
  readonly keys: readonly string[]
  readonly value: Uint8Array
  readonly timeoutMs: number
}

const SUCCESS: Ended = { code: '', message: '' }

export function clientCall(kv: KeyMesh<Uint8Array>, { keys, value, timeoutMs }: Way): Call {
  const options = { timeout: timeoutMs }
  return async (n) => {
    const key = keys[n % keys.length] ?? ''
    try {
      if (isPut(n, keys)) await kv.put(key, value, options)
      else await kv.get(key, options)
      return SUCCESS
    } catch (error) {
      if (!(error instanceof KeyMeshError)) throw error
      return { code: error.code, message: error.message }
    }
  }
}

/** A call and what ends its connection. */
export interface HttpCaller {
  readonly call: Call
  readonly close: () => void
}

export function httpCaller(url: string, { keys, value, timeoutMs }: Way): HttpCaller {
  const connection = new HttpConnection(url)
  const text = Buffer.from(value).toString('latin1')
  return {
    call: async (n) => {
      const path = `/v1/kv/${keys[n % keys.length]}?timeout=${timeoutMs}`
      const answer = isPut(n, keys)
        ? await connection.request('PUT', path, text)
        : await connection.request('GET', path)
      return endedBy(answer)
    },
    close: () => connection.close()
  }
}

/** Each key is put, and in the next pass over all keys it is read. */
function isPut(n: number, keys: readonly string[]): boolean {
  return Math.floor(n / keys.length) % 2 === 0
}

function endedBy({ status, body }: HttpAnswer): Ended {
  if (status === 200) return SUCCESS
  if (status === 0) return { code: 'connection', message: body }
  const code = /"code":"(\w+)"/.exec(body)?.[1] ?? String(status)
  // A read of a key that nobody put was served, too, as the client's is.
  return code === 'not_found' ? SUCCESS : { code, message: body }
}

/** One call that ended. Times in milliseconds of `performance.now()`. */
export interface Sample {
  readonly began: number
  readonly ms: number
  readonly ended: Ended
}

/** One caller: what it calls, and what it does when that ended. */
export interface Caller {
  readonly call: Call
  /** Milliseconds until the next call. */
  readonly pauseMs: (ended: Ended) => number
  readonly record: (sample: Sample) => void
}

/** Callers who call again and again, each one call at a time, until told to stop. */
export class Loops {
  #isOver = false
  #made = 0
  readonly #running: Promise<void>[] = []

  add(caller: Caller): void {
    this.#running.push(this.#loop(caller))
  }

  /** Resolves when the calls under way have ended. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#running)
  }

  async #loop({ call, pauseMs, record }: Caller): Promise<void> {
    while (!this.#isOver) {
      const began = performance.now()
      const ended = await call(this.#made++)
      record({ began, ms: performance.now() - began, ended })
      const pause = pauseMs(ended)
      if (pause > 0) await wait(pause)
    }
  }
}

/** Calls of one stretch of time, for people. */
export class Log {
  requests = 0
  longestMs = 0
  readonly #failed = new Map<string, { count: number; example: string }>()

  add({ ms, ended }: Sample): void {
    this.requests++
    this.longestMs = Math.max(this.longestMs, ms)
    if (ended.code === '') return
    const known = this.#failed.get(ended.code)
    if (known !== undefined) known.count++
    else this.#failed.set(ended.code, { count: 1, example: ended.message.slice(0, 300) })
  }

  get failed(): { readonly code: string; readonly count: number; readonly example: string }[] {
    return [...this.#failed].map(([code, { count, example }]) => ({ code, count, example }))
  }

  get failures(): number {
    return this.failed.reduce((total, { count }) => total + count, 0)
  }
}
