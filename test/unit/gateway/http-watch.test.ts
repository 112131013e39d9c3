import { afterEach, expect, test } from 'vitest'
import type { OpenWatch, WatchItem, WatchRequest } from '../../../src/client/watcher.ts'
import { NOBODY } from '../../../src/gateway/calls.ts'
import { type HttpDoor, openHttp } from '../../../src/gateway/http.ts'
import { utf8, utf8Text } from '../../../src/wire/bytes.ts'
import { type Failure, failure } from '../../../src/wire/failure.ts'
import { silent } from '../../../src/world/log.ts'

// Goal: a watch over HTTP is a stream of events as the contract has them, that goes on from where
// its caller stood, and lets go of everything when either side ends.

let door: HttpDoor | undefined
afterEach(async () => {
  await door?.stop(0)
})

/** A watch that tells what it is given. */
class Source implements OpenWatch {
  readonly items: WatchItem[] = []
  failed: Failure | undefined
  isClosed = false
  readonly request: Omit<WatchRequest, 'near'>
  readonly #onNews: () => void

  constructor(request: Omit<WatchRequest, 'near'>, onNews: () => void) {
    this.request = request
    this.#onNews = onNews
  }

  start(): void {}

  take(): WatchItem | undefined {
    return this.items.shift()
  }

  get failure(): Failure | undefined {
    return this.items.length > 0 ? undefined : this.failed
  }

  close(): void {
    this.isClosed = true
  }

  tell(...items: WatchItem[]): void {
    this.items.push(...items)
    this.#onNews()
  }

  fail(code: 'compacted' | 'unavailable'): void {
    this.failed = failure(code, 'because')
    this.#onNews()
  }
}

const sources: Source[] = []

async function open(setUp: (source: Source) => void = () => {}): Promise<string> {
  sources.length = 0
  const place = { host: '127.0.0.1', port: 0 }
  door = await openHttp({ place, token: undefined, logger: silent })
  door.serve({
    ...NOBODY,
    watch: (request, onNews) => {
      const source = new Source(request, onNews)
      sources.push(source)
      setUp(source)
      return source
    }
  })
  return String(door.url)
}

const progress = (cursor: string): WatchItem => ({ type: 'progress', cursor })

const change = (key: string, value: string | undefined, cursor: string): WatchItem => {
  const bytes = value === undefined ? undefined : utf8(value)
  const more = { position: 4, place: 0, revision: 3, expired: value === undefined }
  return { type: 'change', change: { key: utf8(key), value: bytes, ...more }, cursor }
}

async function read(response: Response, until: string): Promise<string> {
  const reader = response.body?.getReader()
  if (reader === undefined) throw new Error('no body')
  let text = ''
  while (!text.includes(until)) {
    const { done, value } = await reader.read()
    if (done) return `${text}(end)`
    text += utf8Text(value)
  }
  reader.releaseLock()
  return text
}

test('changes come as events, each with its cursor', async () => {
  const url = await open((source) => source.items.push(progress('1-a-1-0')))
  const response = await fetch(`${url}v1/watch?prefix=user:`)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  expect(await read(response, '\n\n')).toBe('event: progress\nid: 1-a-1-0\ndata: {}\n\n')
  const [source] = sources
  source?.tell(change('user:1', 'Ada', '1-a-1-4'), change('user:2', undefined, '1-a-1-5'))
  expect(await read(response, 'expired":true}\n\n')).toBe(
    'event: put\nid: 1-a-1-4\ndata: {"key":"user:1","value":"Ada","revision":3}\n\n' +
      'event: delete\nid: 1-a-1-5\ndata: {"key":"user:2","revision":3,"expired":true}\n\n'
  )
  await response.body?.cancel()
  await expect.poll(() => source?.isClosed).toBe(true)
})

test('HEAD tells what would come, and watches nothing', async () => {
  const url = await open()
  const response = await fetch(`${url}v1/watch?prefix=user:`, { method: 'HEAD' })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  expect(await response.text()).toBe('')
  expect(sources).toEqual([])
})

test('Last-Event-ID counts more than from', async () => {
  const url = await open((source) => source.items.push(progress('1-a-1-0')))
  const headers = { 'last-event-id': '1-a-1-9' }
  for (const init of [{}, { headers }]) {
    const response = await fetch(`${url}v1/watch?key=a&from=1-a-1-7`, init)
    await response.body?.cancel()
  }
  expect(sources.map(({ request }) => request.from)).toEqual(['1-a-1-7', '1-a-1-9'])
})

test('what fails at the beginning is an answer, and later the last event', async () => {
  const url = await open()
  const answer = fetch(`${url}v1/watch?prefix=`)
  await expect.poll(() => sources.length).toBe(1)
  sources[0]?.fail('compacted')
  const response = await answer
  expect(response.status).toBe(410)
  expect(await response.json()).toMatchObject({ error: { code: 'compacted', retryable: false } })
  const later = fetch(`${url}v1/watch?prefix=`)
  await expect.poll(() => sources.length).toBe(2)
  sources[1]?.tell(progress('1-a-1-0'))
  const stream = await later
  sources[1]?.fail('compacted')
  const text = await read(stream, '(end)')
  expect(text).toContain('event: error\ndata: {"error":{"code":"compacted"')
  expect(text.endsWith('(end)')).toBe(true)
  expect(sources.every(({ isClosed }) => isClosed)).toBe(true)
})

test('a door that closes ends its streams at once', async () => {
  const url = await open((source) => source.items.push(progress('1-a-1-0')))
  const response = await fetch(`${url}v1/watch?prefix=`)
  await read(response, '\n\n')
  const ended = door?.stop(10_000)
  expect(await read(response, '(end)')).toBe('(end)')
  await ended
  expect(sources[0]?.isClosed).toBe(true)
})

test('who reads nothing is waited for, and nothing is taken meanwhile', async () => {
  const url = await open((source) => source.items.push(progress('1-a-1-0')))
  const response = await fetch(`${url}v1/watch?prefix=`)
  const [source] = sources
  const value = 'x'.repeat(64 * 1024)
  for (let i = 0; i < 2_000; i++) source?.items.push(change('a', value, '1-a-1-4'))
  source?.tell()
  await expect.poll(() => source?.items.length).toBeGreaterThan(0)
  const left = source?.items.length ?? 0
  source?.tell()
  expect(source?.items.length).toBe(left)
  await response.body?.cancel()
  await expect.poll(() => source?.isClosed).toBe(true)
})

test.each(['', '?key=a&prefix=b', '?prefix=a&from=%20', '?key=', '?start=a'])(
  'GET /v1/watch%s makes no sense',
  async (query) => {
    const url = await open()
    const response = await fetch(`${url}v1/watch${query}`)
    expect(response.status).toBe(400)
    expect(sources).toEqual([])
  }
)
