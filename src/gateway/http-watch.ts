import { Buffer } from 'node:buffer'
import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { groupsOf } from '../client/ranges.ts'
import type { OpenWatch, WatchItem, WatchRequest } from '../client/watcher.ts'
import { partitionOf } from '../keyspace/hash.ts'
import { CODES, type Failure, failure } from '../wire/failure.ts'
import { groupOfPartition } from '../wire/ids.ts'
import { behindKey } from '../wire/scan.ts'
import { API } from './api.ts'
import { BadRequest } from './bad-request.ts'
import type { Calls } from './calls.ts'
import { reader } from './http-asked.ts'
import { fail } from './http-caller.ts'
import { rangeOf } from './http-range.ts'
import { jsonBytes } from './json-bytes.ts'
import { problemOf } from './problem.ts'
import { keyOf } from './url-key.ts'

type Encoding = 'base64url' | undefined

/** Of all connections of a node. */
const WATCHES_MAX = 1_000
/** What is written at once. Who reads it may be slow: what comes next waits for that. */
const CHUNK_CHARACTERS = 64 * 1024
/** Whoever takes nothing for so long is gone, or may as well come back. */
const STALLED_MS_MAX = 30_000
const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  // Some proxies would gather events.
  'x-accel-buffering': 'no'
} as const

const read = reader(API.watch)

/** `GET /v1/watch`. */
export class WatchRoutes {
  readonly #calls: () => Calls
  readonly #streams = new Set<EventStream>()
  #isOver = false

  constructor(calls: () => Calls) {
    this.#calls = calls
  }

  watch(request: FastifyRequest, reply: FastifyReply): void {
    const { query, headers, timeoutMs } = read(request)
    const { encoding } = query
    const from = headers['last-event-id'] ?? query.from
    const wanted = { ...watched(query, encoding), timeoutMs, from }
    if (request.method === 'HEAD') {
      reply.headers(HEADERS).send()
      return
    }
    if (this.#streams.size >= WATCHES_MAX) {
      fail(reply, failure('overloaded', `${WATCHES_MAX} watches are open here. Ask another node`))
      return
    }
    const stream = new EventStream(reply, encoding, () => this.#streams.delete(stream))
    this.#streams.add(stream)
    const watcher = this.#calls().watch?.(wanted, () => stream.serve())
    if (watcher === undefined || this.#isOver) {
      stream.refuse(failure('unavailable', 'this node is starting or stopping'))
    } else stream.begin(watcher)
  }

  /** Ends all: who watches comes back to another node, and goes on there. */
  end(): void {
    this.#isOver = true
    for (const stream of [...this.#streams]) stream.end()
  }
}

/** One watch, written to whoever asked for it as fast as that one reads. */
class EventStream {
  readonly #reply: FastifyReply
  readonly #response: ServerResponse
  readonly #encoding: Encoding
  readonly #onEnd: () => void
  #watcher: OpenWatch | undefined
  #isOpen = false
  #isOver = false
  #stalled: ReturnType<typeof setTimeout> | undefined

  constructor(reply: FastifyReply, encoding: Encoding, onEnd: () => void) {
    this.#reply = reply
    this.#response = reply.raw
    this.#encoding = encoding
    this.#onEnd = onEnd
  }

  begin(watcher: OpenWatch): void {
    this.#watcher = watcher
    this.#response.on('close', () => this.#over())
    this.#response.on('drain', () => this.serve())
    watcher.start()
    this.serve()
  }

  /** Writes what there is, as far as the connection takes it. */
  serve(): void {
    const watcher = this.#watcher
    if (watcher === undefined || this.#isOver || this.#isFull()) return
    let text = ''
    for (let item = watcher.take(); item !== undefined; item = watcher.take()) {
      text += eventOf(item, this.#encoding)
      if (text.length < CHUNK_CHARACTERS) continue
      this.#write(text)
      text = ''
      if (this.#isFull()) return
    }
    if (text !== '') this.#write(text)
    const failed = watcher.failure
    if (failed !== undefined) this.refuse(failed)
  }

  /** Instead of an answer, or as its last event. */
  refuse(failed: Failure): void {
    if (this.#isOver) return
    if (this.#isOpen) {
      const { body } = problemOf(failed)
      this.#write(`event: error\ndata: ${JSON.stringify(body)}\n\n`)
      this.end()
      return
    }
    this.#over()
    fail(this.#reply, failed)
  }

  end(): void {
    if (this.#isOver) return
    if (!this.#isOpen) {
      this.refuse(failure('unavailable', `this node is stopping. ${CODES.unavailable.advice}`))
      return
    }
    this.#over()
    this.#response.end()
  }

  #isFull(): boolean {
    if (!this.#response.writableNeedDrain) return false
    this.#stalled ??= setTimeout(() => this.#response.destroy(), STALLED_MS_MAX)
    return true
  }

  #write(text: string): void {
    clearTimeout(this.#stalled)
    this.#stalled = undefined
    if (!this.#isOpen) {
      this.#isOpen = true
      this.#reply.hijack()
      this.#response.writeHead(200, { ...traced(this.#reply), ...HEADERS })
    }
    this.#response.write(text)
  }

  #over(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#stalled)
    this.#watcher?.close()
    this.#onEnd()
  }
}

/** Headers that were set before the answer was known. */
function traced(reply: FastifyReply): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(reply.getHeaders()).map(([k, v]) => [k, String(v)]))
}

/** Throws BadRequest. */
function watched(
  { key, prefix }: { readonly key?: string; readonly prefix?: string },
  encoding: Encoding
): Pick<WatchRequest, 'span' | 'groupsOf'> {
  if ((key === undefined) === (prefix === undefined)) {
    throw new BadRequest('name what to watch: either key or prefix, which may be empty')
  }
  if (key !== undefined) {
    // Decoded once already, as all of a query is: what is left of % stands for itself.
    const bytes = keyOf(encoding === undefined ? encodeURIComponent(key) : key, encoding)
    return {
      span: { start: bytes, end: behindKey(bytes) },
      groupsOf: (partitions) => [groupOfPartition(partitionOf(bytes, partitions))]
    }
  }
  const spanned = rangeOf({ prefix: prefix ?? '' }, encoding)
  return { span: spanned.span, groupsOf: (partitions) => groupsOf(spanned, partitions) }
}

function eventOf(item: WatchItem, encoding: Encoding): string {
  const { cursor } = item
  if (item.type === 'progress') return `event: progress\nid: ${cursor}\ndata: {}\n\n`
  const { key, value, revision, expired } = item.change
  const name = encoding === undefined ? jsonBytes(key) : Buffer.from(key).toString('base64url')
  const data =
    value === undefined
      ? { key: name, revision, ...(expired ? { expired } : {}) }
      : { key: name, value: jsonBytes(value), revision }
  const type = value === undefined ? 'delete' : 'put'
  return `event: ${type}\nid: ${cursor}\ndata: ${JSON.stringify(data)}\n\n`
}
