import { expect, test } from 'vitest'
import { utf8, utf8Text } from '../../src/wire/bytes.ts'
import type { DiskFault } from '../../src/world/disk.ts'
import {
  type KeyRange,
  PAGE_BYTES,
  type StateStore,
  type StateView,
  type StateWrite
} from '../../src/world/state-store.ts'

/** One store under test, and a way to wait for its callbacks. */
export interface StoreHarness {
  readonly store: StateStore
  /** Calls `start`, and resolves with what it hands to its callback. */
  wait<T>(start: (done: (result: T) => void) => void): Promise<T>
  /** Closes the store and opens what it kept. */
  reopen(): Promise<StateStore>
}

const put = (key: string, value: string): StateWrite => ({ key: utf8(key), value: utf8(value) })
const remove = (key: string): StateWrite => ({ key: utf8(key), value: undefined })
const ALL: KeyRange = { gte: Uint8Array.of(), lt: Uint8Array.of(0xff, 0xff) }

/** What every StateStore does. `open` makes an empty one. */
export function stateStoreContract(open: () => Promise<StoreHarness>): void {
  const text = (bytes: Uint8Array | undefined): string | undefined => bytes && utf8Text(bytes)
  const write = (harness: StoreHarness, batch: readonly StateWrite[]): Promise<unknown> =>
    harness.wait<DiskFault | undefined>((done) => harness.store.write(batch, done))
  const pageOf = (harness: StoreHarness, view: StateView, range = ALL, limit = 100) =>
    harness.wait<string[]>((done) =>
      view.page(range, limit, (fault, entries) => {
        expect(fault).toBeUndefined()
        done(entries.map(([key, value]) => `${text(key)}=${text(value)}`))
      })
    )

  test('a batch shows as a whole once it is done', async () => {
    const harness = await open()
    expect(harness.store.get(utf8('a'))).toBeUndefined()
    expect(await write(harness, [put('a', '1'), put('b', '2'), put('empty', '')])).toBeUndefined()
    expect(text(harness.store.get(utf8('a')))).toBe('1')
    expect(text(harness.store.get(utf8('b')))).toBe('2')
    expect(harness.store.get(utf8('empty'))).toHaveLength(0)
  })

  test('writes of a batch count in their order', async () => {
    const harness = await open()
    await write(harness, [put('a', '1'), remove('a'), put('b', '1'), put('b', '2')])
    expect(harness.store.get(utf8('a'))).toBeUndefined()
    expect(text(harness.store.get(utf8('b')))).toBe('2')
    await write(harness, [remove('b'), remove('never')])
    expect(harness.store.get(utf8('b'))).toBeUndefined()
  })

  test('done is never called inside the call', async () => {
    const harness = await open()
    let inside = true
    await harness.wait((done) => {
      harness.store.write([put('a', '1')], () => {
        expect(inside).toBe(false)
        done(undefined)
      })
      inside = false
    })
  })

  test('keys and values are any bytes, and the caller may reuse them', async () => {
    const harness = await open()
    const key = Uint8Array.of(0, 255, 128, 1)
    const value = Uint8Array.from({ length: 256 }, (_, i) => i)
    await harness.wait<DiskFault | undefined>((done) => {
      harness.store.write([{ key, value }], done)
      value.fill(7)
    })
    expect(harness.store.get(key)).toEqual(Uint8Array.from({ length: 256 }, (_, i) => i))
    harness.store.get(key)?.fill(9)
    expect(harness.store.get(key)?.[1]).toBe(1)
  })

  test('a view pages its range in byte order', async () => {
    const harness = await open()
    await write(
      harness,
      ['d', 'b', 'a', 'c', 'e'].map((key) => put(key, key.toUpperCase()))
    )
    const view = harness.store.view()
    expect(await pageOf(harness, view)).toEqual(['a=A', 'b=B', 'c=C', 'd=D', 'e=E'])
    expect(await pageOf(harness, view, ALL, 2)).toEqual(['a=A', 'b=B'])
    const range = { gte: utf8('b'), lt: utf8('d') }
    expect(await pageOf(harness, view, range)).toEqual(['b=B', 'c=C'])
    expect(await pageOf(harness, view, { gte: utf8('f'), lt: utf8('z') })).toEqual([])
    expect(await pageOf(harness, view, { ...ALL, reverse: true }, 2)).toEqual(['e=E', 'd=D'])
    expect(await pageOf(harness, view, { ...range, reverse: true })).toEqual(['c=C', 'b=B'])
    view.release()
    view.release()
  })

  test('a view does not see what is written after it', async () => {
    const harness = await open()
    await write(harness, [put('a', '1'), put('b', '1')])
    const view = harness.store.view()
    await write(harness, [put('a', '2'), remove('b'), put('c', '2')])
    expect(await pageOf(harness, view)).toEqual(['a=1', 'b=1'])
    const later = harness.store.view()
    expect(await pageOf(harness, later)).toEqual(['a=2', 'c=2'])
    view.release()
    later.release()
  })

  test('a page of large values is cut, and goes on where it was cut', async () => {
    const harness = await open()
    const value = new Uint8Array(400_000).fill(1)
    const keys = ['a', 'b', 'c', 'd', 'e', 'f']
    await write(
      harness,
      keys.map((key) => ({ key: utf8(key), value }))
    )
    const view = harness.store.view()
    const seen: string[] = []
    let range: KeyRange = ALL
    for (let pages = 1; ; pages++) {
      const page = await harness.wait<readonly (readonly [Uint8Array, Uint8Array])[]>((done) =>
        view.page(range, 100, (_, entries) => done(entries))
      )
      if (page.length === 0) {
        expect(pages).toBeGreaterThan(2)
        break
      }
      for (const [key] of page) seen.push(text(key) ?? '')
      range = { ...ALL, gte: utf8(`${seen.at(-1)}\0`) }
    }
    expect(seen).toEqual(keys)
    view.release()
  })

  test('a page that is short of both bounds is the last of its range', async () => {
    const harness = await open()
    const sizes = [0, 1, 300_000, 700_000, 90_000, 5, 1_000_000, 40_000, 8_000, 3]
    const puts = sizes.map((size, i) => ({ key: utf8(`k${i}`), value: new Uint8Array(size) }))
    await write(harness, puts)
    const view = harness.store.view()
    for (const reverse of [false, true]) {
      for (let first = 0; first < sizes.length; first++) {
        const range = { gte: utf8(`k${first}`), lt: utf8('l'), reverse }
        for (const limit of [1, 3, 100]) {
          const page = await harness.wait<readonly (readonly [Uint8Array, Uint8Array])[]>((done) =>
            view.page(range, limit, (_, entries) => done(entries))
          )
          const bytes = page.reduce((sum, [key, value]) => sum + key.length + value.length, 0)
          const left = sizes.length - first - page.length
          if (page.length < limit && bytes < PAGE_BYTES) expect(left).toBe(0)
        }
      }
    }
    view.release()
  })

  test('compacting changes nothing that can be read', async () => {
    const harness = await open()
    await write(harness, [put('a', '1'), put('b', '2'), put('c', '3')])
    await write(harness, [{ key: utf8('b'), value: undefined }])
    const fault = await harness.wait<unknown>((done) =>
      harness.store.compact(utf8('a'), utf8('b'), done)
    )
    expect(fault).toBeUndefined()
    const found = ['a', 'b', 'c'].map((key) => text(harness.store.get(utf8(key))))
    expect(found).toEqual(['1', undefined, '3'])
  })

  test('it tells how much room there is', async () => {
    const { freeBytes, totalBytes } = (await open()).store.space()
    expect(freeBytes).toBeGreaterThan(0)
    expect(totalBytes).toBeGreaterThanOrEqual(freeBytes)
  })

  test('what is done is there after closing and opening', async () => {
    const harness = await open()
    await write(harness, [put('a', '1')])
    const again = await harness.reopen()
    expect(text(again.get(utf8('a')))).toBe('1')
  })
}
