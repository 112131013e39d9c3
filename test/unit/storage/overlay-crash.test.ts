import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Receiver } from '../../../src/storage/overlay.ts'
import { asEntries, OverlayHarness } from './overlay-harness.ts'

type Content = Record<string, string>

type Step =
  | { type: 'set'; group: number; key: string; value: string | undefined }
  | { type: 'flush' }
  | { type: 'wait'; ms: number }
  | { type: 'crash' }
  | { type: 'put' | 'finish' | 'abort'; group: number; key: string }
  | { type: 'drop'; group: number }

const GROUPS = [1, 2, 3]
const group = fc.constantFrom(...GROUPS)
const key = fc.constantFrom('a', 'b', 'c', 'd', '\u00ff')
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      type: fc.constant('set' as const),
      group,
      key,
      value: fc.option(fc.string({ maxLength: 3 }), { nil: undefined })
    })
  },
  { weight: 4, arbitrary: fc.constant({ type: 'flush' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.constantFrom(0.5, 2, 10) })
  },
  { weight: 1, arbitrary: fc.constant({ type: 'crash' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constantFrom('put', 'put', 'finish', 'abort'), group, key })
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('drop' as const), group }) }
)

const empty = (): Content[] => GROUPS.map(() => ({}))
const at = (states: Content[], group: number): Content => states[group - 1] as Content

/** Runs steps against the overlay and against plain objects. */
class Run {
  readonly harness: OverlayHarness
  /** What the tables must show. */
  current = empty()
  readonly dirty = new Set<number>()
  /** Whose state is being replaced: nothing may be set. */
  readonly switching = new Set<number>()
  /** All groups after each write that was asked for, in the order of the queue. */
  planned: Content[][] = [empty()]
  /** How many of them are known durable. */
  durable = 0
  readonly receivers = new Map<number, { receiver: Receiver; content: Content }>()
  flushing = false
  flushes = 0

  constructor(seed: number) {
    this.harness = new OverlayHarness(`overlay-crash ${seed}`)
  }

  step(step: Step): void {
    switch (step.type) {
      case 'set':
        if (this.switching.has(step.group)) return
        this.#set(step.group, step.key, step.value)
        return
      case 'flush':
        this.#flush()
        return
      case 'wait':
        this.harness.run(step.ms)
        return
      case 'crash':
        this.crash()
        return
      case 'drop':
        this.#drop(step.group)
        return
      default:
        this.#receive(step.type, step.group, step.key)
    }
  }

  check(): void {
    for (const group of GROUPS) {
      const content = at(this.current, group)
      for (const key of ['a', 'b', 'c', 'd', '\u00ff', 'meta']) {
        expect(this.harness.get(group, key)).toBe(content[key])
      }
    }
  }

  /** Each group is as some write left it, all of them as the same one, none older than told. */
  crash(): void {
    this.harness.crash()
    const found = JSON.stringify(GROUPS.map((group) => sorted(this.harness.scan(group))))
    const candidates = this.planned.map((states) => JSON.stringify(states.map(sorted)))
    const kept = candidates.lastIndexOf(found)
    expect(kept, `lost, torn or invented: ${found}`).toBeGreaterThanOrEqual(this.durable)
    this.current = structuredClone(this.planned[kept] ?? [])
    this.planned = [structuredClone(this.current)]
    this.durable = 0
    this.dirty.clear()
    this.switching.clear()
    this.receivers.clear()
    this.flushing = false
  }

  #set(group: number, key: string, value: string | undefined): void {
    const content = at(this.current, group)
    if (value === undefined) delete content[key]
    else content[key] = value
    this.dirty.add(group)
    this.harness.set(group, key, value)
  }

  #flush(): void {
    if (this.flushing || this.dirty.size === 0) return
    this.flushing = true
    const asked = new Set<number>()
    const planned = structuredClone(this.planned.at(-1) ?? [])
    const dirty = new Set(this.dirty)
    this.dirty.clear()
    const finished = this.#plan(planned)
    const meta = String(++this.flushes)
    this.harness.overlay.flush(
      (group) => {
        asked.add(group)
        this.#set(group, 'meta', meta)
      },
      () => {
        finished()
        this.flushing = false
      }
    )
    this.dirty.clear()
    expect(asked).toEqual(dirty)
    for (const group of asked) planned[group - 1] = structuredClone(at(this.current, group))
  }

  #receive(type: 'put' | 'finish' | 'abort', group: number, key: string): void {
    if (this.switching.has(group)) return
    let open = this.receivers.get(group)
    if (open === undefined) {
      open = { receiver: this.harness.overlay.receive(group), content: {} }
      this.receivers.set(group, open)
    }
    const { receiver, content } = open
    if (type === 'put') {
      content[key] = `received ${key}`
      receiver.put(asEntries({ [key]: content[key] }), () => {})
      return
    }
    this.receivers.delete(group)
    if (type === 'abort') {
      receiver.abort()
      return
    }
    content.meta = 'received'
    this.#replace(group, content, (done) => receiver.finish(asEntries({ meta: 'received' }), done))
  }

  #drop(group: number): void {
    if (this.switching.has(group) || this.receivers.has(group)) return
    this.#replace(group, {}, (done) => this.harness.overlay.drop(group, done))
  }

  #replace(group: number, content: Content, start: (done: () => void) => void): void {
    const planned = structuredClone(this.planned.at(-1) ?? [])
    planned[group - 1] = content
    this.switching.add(group)
    this.dirty.delete(group)
    const finished = this.#plan(planned)
    start(() => {
      finished()
      this.switching.delete(group)
      this.current[group - 1] = structuredClone(content)
    })
  }

  /** One more write waits in the queue; the result tells that it is durable. */
  #plan(state: Content[]): () => void {
    this.planned.push(state)
    const number = this.planned.length - 1
    return () => {
      expect(this.durable).toBe(number - 1)
      this.durable = number
    }
  }
}

const sorted = (content: Content): [string, string][] =>
  Object.entries(content).sort(([a], [b]) => (a < b ? -1 : 1))

/** Goal: reads are always those of a plain map, and a power cut never tears a write of any kind. */
test('tables are maps, and a power cut leaves all groups at one durable moment', () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(step, { minLength: 5, maxLength: 100 }), (seed, steps) => {
      const run = new Run(seed)
      for (const each of steps) {
        run.step(each)
        run.check()
      }
      run.crash()
      run.check()
      // What no state points to is deleted in the end: the version, pointers, and the entries stay.
      run.harness.run(60_000)
      const entries = run.current.reduce((sum, content) => sum + Object.keys(content).length, 0)
      const keys = run.harness.keys()
      expect(keys.filter((key) => key.startsWith('01'))).toHaveLength(entries)
      expect(keys.filter((key) => key.startsWith('0067'))).toEqual([])
      expect(run.harness.faults).toEqual([])
    }),
    { numRuns: 300 }
  )
})
