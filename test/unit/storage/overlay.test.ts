import { expect, test } from 'vitest'
import { SimulatedStore } from '../../../src/simulation/state-store.ts'
import { World } from '../../../src/simulation/world.ts'
import { type GroupView, Overlay, type StateEntry } from '../../../src/storage/overlay.ts'
import { garbageKey, stateKey, statePrefix } from '../../../src/storage/state-keys.ts'
import { StoreNewer } from '../../../src/storage/store-errors.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { asEntries, asText, OverlayHarness } from './overlay-harness.ts'

function pages(harness: OverlayHarness, view: GroupView, limit: number): StateEntry[][] {
  const all: StateEntry[][] = []
  for (;;) {
    const after = all.at(-1)?.at(-1)?.[0]
    const page = harness.wait<readonly StateEntry[]>((done) =>
      view.page(after, limit, (_, entries) => done(entries))
    )
    if (page.length === 0) return all
    all.push([...page])
  }
}

test('reads see every set at once, flushed or not', () => {
  const harness = new OverlayHarness('reads')
  harness.set(1, 'a', '1')
  harness.set(2, 'a', '2')
  expect([harness.get(1, 'a'), harness.get(2, 'a'), harness.get(3, 'a')]).toEqual([
    '1',
    '2',
    undefined
  ])
  let flushed = false
  harness.overlay.flush(
    () => {},
    () => {
      flushed = true
    }
  )
  expect(harness.get(1, 'a')).toBe('1')
  harness.set(1, 'a', undefined)
  expect(harness.get(1, 'a')).toBeUndefined()
  harness.run(100)
  expect(flushed).toBe(true)
  expect([harness.get(1, 'a'), harness.get(2, 'a')]).toEqual([undefined, '2'])
  expect(harness.scan(1)).toEqual({ a: '1' })
  harness.flush()
  expect(harness.scan(1)).toEqual({})
})

test('a flush asks each dirty group for its meta, and writes it in the same batch', () => {
  const harness = new OverlayHarness('prepare')
  harness.set(1, 'a', '1')
  harness.set(3, 'a', '3')
  harness.overlay.table(5).touch?.()
  expect(harness.overlay.dirtyGroups).toEqual([1, 3, 5])
  const asked: number[] = []
  harness.flush((group) => {
    asked.push(group)
    harness.set(group, 'meta', `of ${group}`)
  })
  expect(asked).toEqual([1, 3, 5])
  harness.crash()
  expect(harness.scan(1)).toEqual({ a: '1', meta: 'of 1' })
  expect(harness.scan(5)).toEqual({ meta: 'of 5' })
  expect(harness.overlay.dirtyGroups).toEqual([])
})

test('dirty bytes follow what is set, and start anew with a flush', () => {
  const harness = new OverlayHarness('bytes')
  expect(harness.overlay.dirtyBytes).toBe(0)
  harness.set(1, 'a', 'x'.repeat(1000))
  const large = harness.overlay.dirtyBytes
  expect(large).toBeGreaterThan(1000)
  harness.set(1, 'a', 'x'.repeat(10))
  expect(harness.overlay.dirtyBytes).toBe(large - 990)
  harness.flush()
  expect(harness.overlay.dirtyBytes).toBe(0)
})

test('a flush without changes is done at once', () => {
  const harness = new OverlayHarness('nothing')
  let done = false
  harness.overlay.flush(
    () => {},
    () => {
      done = true
    }
  )
  expect(done).toBe(true)
})

test('scan gives the keys with a prefix, in order, page after page', () => {
  const harness = new OverlayHarness('scan')
  for (let i = 0; i < 3000; i++) harness.set(1, `s${String(i).padStart(5, '0')}`, String(i))
  harness.set(1, 'r', 'before')
  harness.set(1, 't', 'behind')
  harness.set(2, 's', 'of another group')
  harness.flush()
  const found = Object.values(harness.scan(1, 's'))
  expect(found).toEqual(Array.from({ length: 3000 }, (_, i) => String(i)))
})

test('a snapshot shows what was durable when it was taken, and no later flush', () => {
  const harness = new OverlayHarness('snapshot')
  for (let i = 0; i < 10; i++) harness.set(1, `k${i}`, 'old')
  harness.flush()
  harness.set(1, 'k0', 'unflushed')
  const view = harness.overlay.snapshot(1)
  harness.set(1, 'k5', undefined)
  harness.set(1, 'k9', 'new')
  harness.flush()
  const found = pages(harness, view, 3)
  expect(found.map((page) => page.length)).toEqual([3, 3, 3, 1])
  const expected = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`k${i}`, 'old']))
  expect(asText(found.flat())).toEqual(expected)
  view.release()
  view.release()
})

test('a received snapshot replaces the state whole', () => {
  const harness = new OverlayHarness('receive')
  const old = { a: 'old', b: 'old' }
  for (const [key, value] of Object.entries(old)) harness.set(1, key, value)
  harness.flush()
  const table = harness.overlay.table(1)
  const receiver = harness.overlay.receive(1)
  expect(
    harness.wait((done) => receiver.put(asEntries({ b: 'new', c: 'new' }), done))
  ).toBeUndefined()
  harness.set(1, 'd', 'lost with the old state')
  expect(harness.scan(1)).toEqual(old)
  expect(harness.get(1, 'c')).toBeUndefined()
  expect(harness.wait((done) => receiver.finish(asEntries({ meta: '7' }), done))).toBeUndefined()
  expect(harness.overlay.dirtyGroups).toEqual([])
  const now = { b: 'new', c: 'new', meta: '7' }
  expect(harness.scan(1)).toEqual(now)
  expect(harness.get(1, 'd')).toBeUndefined()
  table.set(utf8('e'), utf8('later'))
  harness.flush()
  harness.run(1000)
  harness.crash()
  expect(harness.scan(1)).toEqual({ ...now, e: 'later' })
  // Nothing of the old generation is left: version, pointer, four entries.
  expect(harness.keys()).toHaveLength(6)
})

test('an aborted snapshot and one that a crash cut short leave nothing', () => {
  const harness = new OverlayHarness('abort')
  harness.set(1, 'a', '1')
  harness.flush()
  const clean = harness.keys()
  const many = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`k${i}`, 'x']))
  const aborted = harness.overlay.receive(1)
  aborted.put(asEntries(many), () => {})
  aborted.abort()
  aborted.abort()
  const cut = harness.overlay.receive(1)
  harness.wait((done) => cut.put(asEntries(many), done))
  expect(harness.keys().length).toBeGreaterThan(2000)
  harness.crash()
  // Before the garbage is gone a further one takes yet another generation.
  const next = harness.overlay.receive(1)
  harness.wait((done) => next.put(asEntries({ b: '2' }), done))
  next.abort()
  harness.run(10_000)
  expect(harness.keys()).toEqual(clean)
  expect(harness.scan(1)).toEqual({ a: '1' })
})

test('a snapshot never mixes with what an earlier one left', () => {
  const harness = new OverlayHarness('leftover')
  harness.set(1, 'a', '1')
  harness.flush()
  const many = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`k${i}`, 'x']))
  const cut = harness.overlay.receive(1)
  harness.wait((done) => cut.put(asEntries(many), done))
  harness.crash()
  const next = harness.overlay.receive(1)
  harness.wait((done) => next.put(asEntries({ b: '2' }), done))
  harness.wait((done) => next.finish(asEntries({ meta: '7' }), done))
  expect(harness.scan(1)).toEqual({ b: '2', meta: '7' })
  harness.run(10_000)
  expect(harness.scan(1)).toEqual({ b: '2', meta: '7' })
})

test('a dropped group is empty and may come back', () => {
  const harness = new OverlayHarness('drop')
  harness.set(1, 'a', '1')
  harness.set(2, 'a', '2')
  harness.flush()
  const stored = (): readonly number[] =>
    harness.wait((done) => harness.overlay.stored((_, groups) => done(groups)))
  expect(stored()).toEqual([1, 2])
  harness.set(1, 'b', 'unflushed')
  expect(harness.wait((done) => harness.overlay.drop(1, done))).toBeUndefined()
  expect([harness.get(1, 'a'), harness.get(1, 'b')]).toEqual([undefined, undefined])
  expect(stored()).toEqual([2])
  harness.run(1000)
  harness.crash()
  expect(harness.scan(1)).toEqual({})
  harness.set(1, 'c', 'back')
  harness.flush()
  harness.crash()
  expect(stored()).toEqual([1, 2])
  expect(harness.scan(1)).toEqual({ c: 'back' })
})

test('a failed write is final, and what was to be written can still be read', () => {
  const harness = new OverlayHarness('fault')
  harness.set(1, 'a', '1')
  harness.store.failNextWrite()
  expect(harness.flush()).toBeDefined()
  expect(harness.get(1, 'a')).toBe('1')
  expect(harness.wait((done) => harness.overlay.drop(1, done))).toBeDefined()
})

test('a failed background write is reported', () => {
  const harness = new OverlayHarness('background')
  harness.set(1, 'a', '1')
  harness.flush()
  harness.wait((done) => harness.overlay.drop(1, done))
  harness.store.failNextWrite()
  harness.run(1000)
  expect(harness.faults).toHaveLength(1)
})

test('so is one of a snapshot that was given up', () => {
  const harness = new OverlayHarness('given up')
  const receiver = harness.overlay.receive(1)
  harness.store.failNextWrite()
  receiver.abort()
  harness.run(1000)
  expect(harness.faults).toHaveLength(1)
})

test('state of a newer version is refused by name', () => {
  const harness = new OverlayHarness('newer')
  const key = Uint8Array.of(0, 0x76)
  harness.wait((done) => harness.store.write([{ key, value: Uint8Array.of(2) }], done))
  expect(() => harness.crash()).toThrow(StoreNewer)
})

test('closing waits for a flush under way', () => {
  const harness = new OverlayHarness('close')
  const events: string[] = []
  harness.set(1, 'a', '1')
  harness.overlay.flush(
    () => {},
    () => events.push('flushed')
  )
  harness.overlay.close(() => events.push('closed'))
  harness.run(1000)
  expect(events).toEqual(['flushed', 'closed'])
})

test('a garbage mark on the generation in use is damage, and deletes nothing', () => {
  const harness = new OverlayHarness('rotten mark')
  harness.set(1, 'a', '1')
  harness.flush()
  harness.wait((done) =>
    harness.store.write([{ key: garbageKey(1, 0), value: Uint8Array.of() }], done)
  )
  harness.crash()
  harness.run(1_000)
  expect(harness.faults.map(({ isDamage }) => isDamage)).toEqual([true])
  expect(harness.get(1, 'a')).toBe('1')
})

test('a record that cannot have been written is never handed out', () => {
  const world = new World('rotten record')
  const store = new SimulatedStore(world, 'store')
  store.attach(world.life('life'))
  const isSound = (key: Uint8Array, record: Uint8Array): boolean => key.length === record.length
  const overlay = new Overlay(store, { onFault: () => {}, isSound })
  const write = (record: string): void => {
    store.write([{ key: stateKey(statePrefix(1, 0), utf8('key')), value: utf8(record) }], () => {})
    world.runUntil(world.now + 100)
  }
  write('rotten')
  expect(() => overlay.table(1).get(utf8('key'))).toThrow('damaged on disk')
  write('fit')
  expect(overlay.table(1).get(utf8('key'))).toEqual(utf8('fit'))
})
