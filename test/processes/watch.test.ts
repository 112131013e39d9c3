import { afterAll, beforeAll, expect, test } from 'vitest'
import type * as ClientModule from '../../src/client/index.ts'
import { get, put, Stage, Trio } from './harness.ts'

// Goal: real watches over the death of real nodes: nothing missed, repeated or out of order, by the
// library and over HTTP, also for one who comes back to another node with the last cursor.

const dist = new URL('../../dist/client/index.js', import.meta.url).href
const { connect } = (await import(dist)) as typeof ClientModule

const KEYS = 40
const stage = new Stage()
const trio = new Trio(stage)
beforeAll(async () => {
  await trio.form(8)
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
})

const seedsOf = async (): Promise<string[]> =>
  await Promise.all(
    trio.nodes.filter((node) => node.ending === undefined).map((node) => node.listening())
  )

/** Writes each key once a round, also while nodes die. */
async function write(kv: ClientModule.KeyMesh, round: number): Promise<void> {
  await Promise.all(
    Array.from({ length: KEYS }, async (_, i) => {
      for (;;) {
        try {
          await kv.put(`w:${i}`, round)
          return
        } catch (error) {
          if (!(error as ClientModule.KeyMeshError).retryable) throw error
        }
      }
    })
  )
}

test('a watch by the library outlives leaders', async () => {
  await using kv = await connect({ seeds: await seedsOf(), timeout: 20_000 })
  const seen = new Map<string, number[]>()
  const rounds = 6
  const begun = Promise.withResolvers<void>()
  const reading = (async () => {
    let count = 0
    for await (const change of kv.watch({ prefix: 'w:' })) {
      begun.resolve()
      if (change.type !== 'put') continue
      const values = seen.get(change.key) ?? []
      seen.set(change.key, values)
      values.push(change.value as number)
      if (++count === KEYS * rounds) return
    }
  })()
  await begun.promise
  for (let round = 0; round < rounds; round++) {
    const writing = write(kv, round)
    if (round % 2 === 1) {
      const victim = (round >> 1) % 3
      await trio.kill(victim)
      await writing
      await trio.restart(victim, (victim + 1) % 3)
    }
    await writing
  }
  await reading
  expect(seen.size).toBe(KEYS)
  for (const values of seen.values()) expect(values).toEqual([0, 1, 2, 3, 4, 5])
}, 120_000)

interface Event {
  readonly type: string
  readonly id: string
  readonly data: { readonly key?: string; readonly value?: string }
}

/** Reads events until `enough` of them are changes, and hangs up. */
async function events(url: string, enough: number, lastId?: string): Promise<Event[]> {
  const controller = new AbortController()
  const headers = lastId === undefined ? {} : { 'last-event-id': lastId }
  const { signal } = controller
  const response = await fetch(`${url}/v1/watch?prefix=h:`, { headers, signal })
  expect(response.status).toBe(200)
  const all: Event[] = []
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line) => {
          const at = line.indexOf(': ')
          return [line.slice(0, at), line.slice(at + 2)] as const
        })
      )
      const data = JSON.parse(fields.get('data') ?? '{}') as Event['data']
      all.push({ type: fields.get('event') ?? '', id: fields.get('id') ?? '', data })
    }
    if (all.filter(({ type }) => type !== 'progress').length >= enough) break
  }
  controller.abort()
  return all
}

test('a watch over HTTP goes on at another node, right behind its last event', async () => {
  const [first = '', second = ''] = trio.urls
  const [begin] = await events(first, 0)
  expect(begin?.type).toBe('progress')
  for (let i = 0; i < 6; i++) expect((await put(second, `h:${i}`, `${i}`)).status).toBe(200)
  const some = await events(first, 3, begin?.id)
  const shown = some.filter(({ type }) => type === 'put').slice(0, 3)
  const rest = await events(second, 3, shown[2]?.id)
  const all = [...shown, ...rest.filter(({ type }) => type === 'put')]
  expect(all.map(({ data }) => data.value).toSorted()).toEqual(['0', '1', '2', '3', '4', '5'])
  expect((await get(first, 'h:0')).status).toBe(200)
  const bad = await fetch(`${first}/v1/watch?prefix=h:&from=1-00000000-8-1.1.1.1.1.1.1.1`)
  expect(bad.status).toBe(400)
})
