import { expect, test } from 'vitest'
import { World } from '../../../src/simulation/world.ts'
import { decodeRecord } from '../../../src/state/keys.ts'
import { DATA_PREFIX, EXPIRY_PREFIX, readExpiryKey } from '../../../src/state/layout.ts'
import { StateMachine } from '../../../src/state/state-machine.ts'
import { TableCheck } from '../../../src/state/table-check.ts'
import { utf8, utf8Text } from '../../../src/wire/bytes.ts'
import { type MapTable, Runner } from './fixture.ts'

// Goal: the rows of a state say just which of its keys end when, whatever happened to them, and
// only what is over by the time of an entry is ever swept.

/** `key@time` of each record that has a ttl. */
function mortals(table: MapTable): string[] {
  const found: string[] = []
  for (const [at, value] of table.records.values()) {
    if (at[0] !== DATA_PREFIX[0]) continue
    const { expiresAt } = decodeRecord(value)
    if (expiresAt !== undefined) found.push(`${utf8Text(at.subarray(1))}@${expiresAt}`)
  }
  return found.sort()
}

function rows(table: MapTable): string[] {
  const found: string[] = []
  for (const [at] of table.records.values()) {
    if (at[0] !== EXPIRY_PREFIX[0]) continue
    const { expiresAt, key } = readExpiryKey(at)
    found.push(`${utf8Text(key)}@${expiresAt}`)
  }
  return found.sort()
}

const sweep = (...names: string[]) => ({ type: 'sweep', keys: names.map(utf8) }) as const

test('rows and records agree, through every kind of change', () => {
  const runner = new Runner()
  const random = new World('expiries').random.fork('changes')
  for (let step = 0; step < 3_000; step++) {
    const name = `k${random.below(12)}`
    const ttl = random.below(2) === 0 ? {} : { ttlMs: 1 + random.below(400) }
    runner.time += random.below(20)
    const drawn = random.below(6)
    if (drawn < 2) runner.put(name, 'v', ttl)
    else if (drawn === 2) runner.touch(name, ttl.ttlMs)
    else if (drawn === 3) runner.delete(name)
    else if (drawn === 4) runner.increment(`n${random.below(4)}`, 1)
    else runner.run(sweep(...Array.from({ length: 12 }, (_, i) => `k${i}`)))
    expect(rows(runner.table)).toEqual(mortals(runner.table))
  }
  expect(runner.machine.expiries.ended).toBeGreaterThan(100)
  runner.machine.prepareFlush()
  const check = new TableCheck()
  for (const [at, value] of runner.table.records.values()) check.add(at, value)
  expect(() => check.finish()).not.toThrow()
  const again = new StateMachine({ group: 1, table: runner.table }, runner.table.saved())
  expect(again.digest()).toBe(runner.machine.digest())
})

test('a sweep ends what is over, and nothing that is alive, absent or without a ttl', () => {
  const runner = new Runner()
  runner.put('over', 'v', { ttlMs: 10 })
  runner.put('alive', 'v', { ttlMs: 11 })
  runner.put('still', 'v')
  runner.time += 10
  runner.run(sweep('over', 'alive', 'still', 'nobody'))
  expect(runner.machine.keyCount).toBe(2)
  expect(runner.read('over')).toBeUndefined()
  expect([runner.read('alive')?.[0], runner.read('still')?.[0]]).toEqual(['v', 'v'])
  expect(runner.machine.expiries.ended).toBe(1)
  runner.time += 1
  runner.run(sweep('alive', 'alive'))
  expect([runner.machine.keyCount, rows(runner.table)]).toEqual([1, []])
})

test('a key that a transaction holds is not swept', () => {
  const runner = new Runner()
  runner.put('held', 'v', { ttlMs: 10 })
  runner.put('read', 'v', { ttlMs: 10 })
  const write = { type: 'put', key: utf8('held'), value: utf8('new') } as const
  const check = { type: 'exists', key: utf8('read'), exists: true } as const
  const work = { checks: [check], writes: [write] }
  runner.run({ type: 'prepare', anchor: 2, anchorBasis: 0, work })
  runner.time += 20
  runner.run(sweep('held', 'read'))
  expect([runner.read('held')?.[0], runner.read('read')?.[0]]).toEqual(['v', 'v'])
})

test('the soonest end is never later than that of any key', () => {
  const runner = new Runner()
  const { expiries } = runner.machine
  expect(expiries.soonest).toBe(0)
  expiries.soonest = Number.POSITIVE_INFINITY
  runner.put('a', 'v', { ttlMs: 500 })
  runner.put('b', 'v', { ttlMs: 50 })
  runner.put('c', 'v', { ttlMs: 5_000 })
  expect(expiries.soonest).toBe(runner.time + 50)
})
