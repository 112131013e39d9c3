import { Buffer } from 'node:buffer'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { deleteAll } from '../client/delete-all.ts'
import { groupsOf, type Spanned } from '../client/ranges.ts'
import { type AllScanned, scanAll } from '../client/scan-all.ts'
import { failure } from '../wire/failure.ts'
import type { GroupId } from '../wire/ids.ts'
import { behindKey, type KeySpan, type ScanEntry } from '../wire/scan.ts'
import { realClock, realTimers } from '../world/real.ts'
import { API } from './api.ts'
import { PAGE_ENTRIES_DEFAULT } from './api-scans.ts'
import { BadRequest } from './bad-request.ts'
import type { Calls } from './calls.ts'
import { cursorOf, spanFrom } from './cursor.ts'
import { reader } from './http-asked.ts'
import { fail, keepSession, runFor } from './http-caller.ts'
import { rangeOf } from './http-range.ts'
import { type Floors, floorsOf, tokenAfterAll } from './http-session.ts'
import { traceOf } from './http-trace.ts'
import { jsonBytes } from './json-bytes.ts'

/** Of the JSON of a page; the first entry always fits. */
const PAGE_BYTES_MAX = 4 * 1024 * 1024
/** For brackets and the cursor. */
const FRAME_BYTES = 8 * 1024

const READ = { scan: reader(API.scan), deleteRange: reader(API.deleteRange) } as const
const NO_MAP = failure('unavailable', 'this node belongs to no cluster yet')

type Encoding = 'base64url' | undefined
type Page = Extract<AllScanned, { readonly ok: true }>

interface Shown {
  readonly reverse: boolean
  readonly keysOnly: boolean
  readonly encoding: Encoding
}

/** `/v1/kv` without a key. */
export class ScanRoutes {
  readonly #calls: () => Calls

  constructor(calls: () => Calls) {
    this.#calls = calls
  }

  read(request: FastifyRequest, reply: FastifyReply): void {
    const { query, timeoutMs } = READ.scan(request)
    const { encoding, cursor = '', keysOnly = false, reverse = false } = query
    const { consistency = 'strong', limit = PAGE_ENTRIES_DEFAULT } = query
    const whole = rangeOf(query, encoding)
    const span = cursor === '' ? whole.span : spanFrom(whole.span, cursor, reverse)
    const seen = this.#seen(reply)
    const groups = this.#groups({ ...whole, span })
    if (groups === undefined) {
      fail(reply, NO_MAP)
      return
    }
    const { floors, cluster } = seen
    const order = { groups, span, reverse, keysOnly, limit, consistency }
    const scan = consistency === 'session' ? { ...order, floors } : order
    const options = { timeoutMs, trace: traceOf(request) }
    runFor<AllScanned>(
      reply,
      (end) => scanAll(this.#shell(), scan, options, end),
      (page) => {
        if (!page.ok) {
          fail(reply, page.failure)
          return
        }
        const token = tokenAfterAll(floors, cluster, page.groups)
        if (token !== undefined) reply.header('keymesh-session', token)
        if (consistency === 'eventual') {
          reply.header('keymesh-staleness-ms', String(page.stalenessMs))
        }
        const body = jsonOf(page, { reverse, keysOnly, encoding })
        reply.type('application/json; charset=utf-8').send(body)
      }
    )
  }

  delete(request: FastifyRequest, reply: FastifyReply): void {
    const { query, timeoutMs } = READ.deleteRange(request)
    const { prefix = '', encoding } = query
    // A variable that is not set must not cost everything.
    if (prefix === '') throw new BadRequest('prefix is missing or empty: name what to delete')
    const { floors, cluster } = this.#seen(reply)
    const spanned = rangeOf({ prefix }, encoding)
    const groups = this.#groups(spanned)
    if (groups === undefined) {
      fail(reply, NO_MAP)
      return
    }
    const options = { timeoutMs, trace: traceOf(request) }
    runFor<Parameters<Parameters<typeof deleteAll>[3]>[0]>(
      reply,
      (end) => deleteAll(this.#shell(), { groups, span: spanned.span }, options, end),
      (outcome) => {
        const token = tokenAfterAll(floors, cluster, outcome.groups)
        if (token !== undefined) reply.header('keymesh-session', token)
        if (outcome.ok) reply.send({ deleted: outcome.deleted })
        else fail(reply, outcome.failure)
      }
    )
  }

  #shell() {
    const calls = this.#calls()
    return { call: calls.call.bind(calls), clock: realClock, timers: realTimers }
  }

  #groups(spanned: Spanned): readonly GroupId[] | undefined {
    const partitions = this.#calls().view()?.map.settings.partitions
    return partitions === undefined ? undefined : groupsOf(spanned, partitions)
  }

  /** Throws BadRequest. */
  #seen(reply: FastifyReply): { readonly floors: Floors; readonly cluster: string } {
    const token = reply.request.headers['keymesh-session']?.toString()
    const cluster = this.#calls().clusterId()
    const floors = floorsOf(token, cluster)
    keepSession(reply)
    return { floors, cluster }
  }
}

/** As many of its entries as fit. */
function jsonOf({ entries, rest }: Page, shown: Shown): Buffer {
  const texts: string[] = []
  let bytes = FRAME_BYTES
  let left: KeySpan | undefined = rest
  for (const entry of entries) {
    const text = JSON.stringify(jsonEntry(entry, shown))
    bytes += Buffer.byteLength(text) + 1
    if (bytes > PAGE_BYTES_MAX && texts.length > 0) {
      const { key } = entry
      // Of what is left only the bound is told.
      left = { start: key, end: behindKey(key) }
      break
    }
    texts.push(text)
  }
  const more = left === undefined ? '' : `,"cursor":"${cursorOf(left, shown.reverse)}"`
  return Buffer.from(`{"entries":[${texts.join(',')}]${more}}`)
}

function jsonEntry(entry: ScanEntry, { keysOnly, encoding }: Shown): object {
  const { key, value, revision, expiresInMs } = entry
  const name = encoding === undefined ? jsonBytes(key) : Buffer.from(key).toString('base64url')
  return {
    key: name,
    ...(keysOnly ? {} : { value: jsonBytes(value) }),
    revision,
    ...(expiresInMs === undefined ? {} : { expiresIn: expiresInMs })
  }
}
