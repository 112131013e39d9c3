import { expect, test } from 'vitest'
import { SimulatedStore } from '../../../src/simulation/state-store.ts'
import { World } from '../../../src/simulation/world.ts'
import { Reclaimer } from '../../../src/storage/reclaimer.ts'
import { stateKey, statePrefix } from '../../../src/storage/state-keys.ts'
import { utf8, utf8Text } from '../../../src/wire/bytes.ts'
import type { StateWrite } from '../../../src/world/state-store.ts'

// Goal: on a low disk the store is asked for the room of what was deleted, and else never.

const at = (group: number, key: string): Uint8Array => stateKey(statePrefix(group, 0), utf8(key))
const deleted = (group: number, ...keys: string[]): StateWrite[] =>
  keys.map((key) => ({ key: at(group, key), value: undefined }))

function opened() {
  const world = new World('reclaimer')
  const store = new SimulatedStore(world, 'store')
  store.attach(world.life('first'))
  const ranges: string[] = []
  const watched = {
    get: store.get.bind(store),
    view: store.view.bind(store),
    write: store.write.bind(store),
    space: store.space.bind(store),
    close: store.close.bind(store),
    compact: (...[first, last, done]: Parameters<SimulatedStore['compact']>) => {
      const [from, to] = [first, last].map((key) => utf8Text(key.subarray(9)))
      ranges.push(first.length === 1 ? 'all' : `${first[4]} ${from}..${to}`)
      store.compact(first, last, done)
    }
  }
  const reclaimer = new Reclaimer(watched, (fault) => {
    throw fault
  })
  return { world, reclaimer, ranges }
}

test('groups are compacted one after the other, from the first key to the last', () => {
  const { world, reclaimer, ranges } = opened()
  reclaimer.tick(0, 'low')
  reclaimer.note(deleted(1, 'f', 'b', 'z'))
  reclaimer.note([...deleted(2, 'x'), { key: at(2, 'a'), value: utf8('not deleted') }])
  reclaimer.note(deleted(1, 'c'))
  reclaimer.tick(10, 'low')
  reclaimer.tick(1_000, 'low')
  expect(ranges).toEqual([])
  reclaimer.tick(1_010, 'low')
  reclaimer.tick(1_020, 'low')
  expect(ranges).toEqual(['1 b..z'])
  world.runUntil(100)
  reclaimer.tick(1_030, 'low')
  expect(ranges).toEqual(['1 b..z', '2 x..x'])
})

test('on a disk with room nothing is, and on a full one it waits', () => {
  const { reclaimer, ranges } = opened()
  reclaimer.note(deleted(1, 'b'))
  reclaimer.tick(3_000, 'ok')
  reclaimer.tick(5_000, 'ok')
  reclaimer.tick(6_000, 'full')
  reclaimer.tick(7_000, 'full')
  expect(ranges).toEqual([])
  reclaimer.tick(7_100, 'low')
  expect(ranges).toEqual(['1 b..b'])
})

test('what was deleted while there was room is given back when there is little', () => {
  const { world, reclaimer, ranges } = opened()
  reclaimer.note(deleted(1, 'a'))
  reclaimer.tick(0, 'ok')
  reclaimer.tick(1_000, 'low')
  expect(ranges).toEqual(['1 a..a'])
  world.runUntil(100)
  // Room for a moment, before all that was deleted has given back its own.
  reclaimer.note(deleted(2, 'b'))
  reclaimer.tick(2_000, 'low')
  reclaimer.tick(2_100, 'ok')
  reclaimer.note(deleted(2, 'c'))
  reclaimer.tick(2_200, 'ok')
  reclaimer.tick(9_000, 'low')
  expect(ranges).toEqual(['1 a..a', '2 b..c'])
})

test('what earlier lives deleted is looked for once', () => {
  const { world, reclaimer, ranges } = opened()
  reclaimer.note(deleted(1, 'a'))
  for (const now of [0, 1_000, 2_000, 3_000]) {
    reclaimer.tick(now, 'low')
    world.runUntil(now + 100)
  }
  expect(ranges).toEqual(['1 a..a', 'all'])
})
