import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ClassicLevel } from 'classic-level'
import { afterAll, expect, test } from 'vitest'
import {
  BLOCK_BYTES,
  batchBytes,
  survivors,
  type WalDamage,
  walBytes
} from '../../src/simulation/level-wal.ts'
import { SimulatedStore } from '../../src/simulation/state-store.ts'
import { World } from '../../src/simulation/world.ts'
import { openLevel } from '../../src/storage/level.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import { type DiskFault, isDiskDamage } from '../../src/world/disk.ts'
import { type Random, seededRandom } from '../../src/world/random.ts'
import type { StateStore, StateWrite } from '../../src/world/state-store.ts'

// Goal: the simulated store has the weaknesses of the real one, no more and no fewer. Method: the
// same batches to both, the same damage to the files of the one and to the model of the other.

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'keymesh-damage-'))
afterAll(() => fs.rmSync(root, { recursive: true }))
let directories = 0
const fresh = (): string => path.join(root, String(directories++))

const ALL = { gte: Uint8Array.of(), lt: Uint8Array.of(0xff, 0xff) }
const close = (store: StateStore): Promise<void> => new Promise((done) => store.close(done))

function written(store: StateStore, batch: readonly StateWrite[]): Promise<void> {
  return new Promise((resolve, reject) => {
    store.write(batch, (fault) => (fault === undefined ? resolve() : reject(fault)))
  })
}

/** Batch `number`, most small, some over several blocks. No byte of a value is zero. */
function batchOf(number: number, random: Random): StateWrite[] {
  const most = [40, 700, 9_000, 80_000][random.below(4)] as number
  const value = random.bytes(1 + random.below(most)).map((byte) => byte | 1)
  const writes: StateWrite[] = [{ key: utf8(`batch ${number}`), value }]
  if (random.below(2) === 0) writes.push({ key: utf8('last'), value: utf8(String(number)) })
  if (random.below(3) === 0) writes.push({ key: utf8(`batch ${number - 1} `), value: undefined })
  return writes
}

function damageOf(size: number, random: Random): WalDamage {
  const at = random.below(size)
  const kind = random.below(3)
  if (kind === 0) return { type: 'flip', at }
  if (kind === 1) return { type: 'cut', length: at }
  return { type: 'zero', from: at, to: Math.min(size, at + 1 + random.below(5_000)) }
}

function damageFile(file: string, damage: WalDamage, random: Random): void {
  const bytes = fs.readFileSync(file)
  if (damage.type === 'cut') fs.truncateSync(file, damage.length)
  else {
    if (damage.type === 'zero') bytes.fill(0, damage.from, damage.to)
    else bytes[damage.at] = (bytes[damage.at] as number) ^ (1 << random.below(8))
    fs.writeFileSync(file, bytes)
  }
}

const logsOf = (directory: string): string[] =>
  fs
    .readdirSync(directory)
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => path.join(directory, name))

/** Which of `count` batches a store still shows. */
function found(store: StateStore, count: number): number[] {
  const numbers = Array.from({ length: count }, (_, i) => i)
  return numbers.filter((number) => store.get(utf8(`batch ${number}`)) !== undefined)
}

test('a damaged log loses the batches that the model says, without a word', async () => {
  for (let seed = 0; seed < 12; seed++) {
    const random = seededRandom(`wal ${seed}`)
    const batches = Array.from({ length: 5 + random.below(60) }, (_, i) => batchOf(i, random))
    const sizes = batches.map(batchBytes)
    const original = fresh()
    const store = await openLevel(original)
    for (const batch of batches) await written(store, batch)
    const [log = ''] = logsOf(original)
    expect(fs.statSync(log).size).toBe(walBytes(sizes))
    for (let round = 0; round < 6; round++) {
      const copy = fresh()
      fs.cpSync(original, copy, { recursive: true })
      const damage = damageOf(walBytes(sizes), random)
      damageFile(path.join(copy, path.basename(log)), damage, random)
      const opened = await openLevel(copy)
      const expected = survivors(sizes, damage)
      expect(found(opened, batches.length), `${seed}: ${JSON.stringify(damage)}`).toEqual(expected)
      const last = expected.findLast((number) => batches[number]?.[1]?.key.length === 4)
      const shown = opened.get(utf8('last'))
      expect(shown).toEqual(last === undefined ? undefined : utf8(String(last)))
      await close(opened)
    }
    await close(store)
  }
})

/** It grows with each log that becomes a table. */
function manifestBytes(directory: string): number {
  const name = fs.readdirSync(directory).find((file) => file.startsWith('MANIFEST'))
  return name === undefined ? 0 : fs.statSync(path.join(directory, name)).size
}

/** A copy of a running store with two logs, and the batches in the older one. */
async function twoLogs(): Promise<{ copy: string; sizes: number[]; count: number }> {
  for (let tries = 0; tries < 50; tries++) {
    const directory = fresh()
    const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, {
      keyEncoding: 'view',
      valueEncoding: 'view',
      writeBufferSize: 256 * 1024
    })
    await level.open()
    const begun = manifestBytes(directory)
    const sizes: number[] = []
    let older = 0
    for (let number = 0; logsOf(directory).length < 2 && number < 200; number++) {
      const value = seededRandom(`two ${number}`).bytes(6_000)
      const write = { key: utf8(`batch ${number}`), value }
      await level.batch().put(write.key, value).write({ sync: true })
      older = sizes.length
      sizes.push(batchBytes([write]))
    }
    const copy = fresh()
    fs.cpSync(directory, copy, { recursive: true })
    await level.close()
    const [first, second, third] = logsOf(copy)
    const whole = first !== undefined && fs.statSync(first).size === walBytes(sizes.slice(0, older))
    // Else the older log became a table while it was copied, and the copy goes by that.
    const isMoved = manifestBytes(copy) !== begun
    if (whole && second !== undefined && third === undefined && !isMoved) {
      return { copy, sizes: sizes.slice(0, older), count: sizes.length }
    }
  }
  throw new Error('never saw two logs')
}

test('the tail of an older log can be missing while a newer log is kept', async () => {
  const { copy, sizes, count } = await twoLogs()
  const [older = ''] = logsOf(copy)
  const length = walBytes(sizes) - 3 * BLOCK_BYTES
  damageFile(older, { type: 'cut', length }, seededRandom('two logs'))
  const opened = await openLevel(copy)
  const kept = survivors(sizes, { type: 'cut', length })
  expect(kept.length).toBeGreaterThan(0)
  expect(kept.length).toBeLessThan(sizes.length - 10)
  const newer = Array.from({ length: count - sizes.length }, (_, i) => sizes.length + i)
  expect(found(opened, count)).toEqual([...kept, ...newer])
  await close(opened)
})

/** What reading each key gives. */
function read(store: StateStore, keys: number, valueAt: (i: number) => Uint8Array): string[] {
  return Array.from({ length: keys }, (_, i) => {
    try {
      const value = store.get(utf8(`key ${i}`))
      if (value === undefined) return 'absent'
      return Buffer.compare(value, valueAt(i)) === 0 ? 'right' : 'wrong'
    } catch (error) {
      if (!isDiskDamage(error)) throw error
      return 'damage'
    }
  })
}

const KEYS = 300

/** A store of which all is in one table. */
async function tableOf(valueAt: (i: number) => Uint8Array): Promise<string> {
  const directory = fresh()
  const store = await openLevel(directory)
  for (let i = 0; i < KEYS; i++)
    await written(store, [{ key: utf8(`key ${i}`), value: valueAt(i) }])
  await close(store)
  await close(await openLevel(directory))
  return directory
}

async function afterFlip(original: string, at: number, valueAt: (i: number) => Uint8Array) {
  const copy = fresh()
  fs.cpSync(original, copy, { recursive: true })
  const table = fs.readdirSync(copy).find((name) => name.endsWith('.ldb')) ?? ''
  const file = path.join(copy, table)
  const size = fs.statSync(file).size
  damageFile(file, { type: 'flip', at: Math.floor(size * at) }, seededRandom(`flip ${at}`))
  const store = await openLevel(copy)
  const seen = new Set(read(store, KEYS, valueAt))
  const all = await new Promise<DiskFault | number>((resolve) => {
    store.view().page(ALL, 10_000, (fault, entries) => resolve(fault ?? entries.length))
  })
  await close(store)
  return { seen, all }
}

test('a flipped bit in a table reads as another value, as no value, or not at all', async () => {
  const random = (i: number): Uint8Array => seededRandom(`value ${i}`).bytes(300)
  const plain = (i: number): Uint8Array => new Uint8Array(300).fill(i)
  const seen = new Set<string>()
  for (const valueAt of [random, plain]) {
    const original = await tableOf(valueAt)
    for (let at = 0.05; at < 0.95; at += 0.1) {
      const one = await afterFlip(original, at, valueAt)
      for (const what of one.seen) seen.add(what)
      // A block that cannot be read shows in pages as in single reads, and nothing else does.
      expect(isDiskDamage(one.all)).toBe(one.seen.has('damage'))
    }
  }
  expect([...seen].sort()).toEqual(['absent', 'damage', 'right', 'wrong'])
})

test('a damaged or missing file of the store is refused by name', async () => {
  const original = await tableOf((i) => seededRandom(`value ${i}`).bytes(300))
  const spoilt: Record<string, (file: string) => void> = {
    CURRENT: (file) => fs.writeFileSync(file, 'MANIFEST,000009\n'),
    MANIFEST: (file) => fs.truncateSync(file, 20),
    '.ldb': (file) => fs.rmSync(file)
  }
  for (const [part, spoil] of Object.entries(spoilt)) {
    const copy = fresh()
    fs.cpSync(original, copy, { recursive: true })
    spoil(path.join(copy, fs.readdirSync(copy).find((name) => name.includes(part)) ?? ''))
    const opening = openLevel(copy)
    await expect(opening, part).rejects.toMatchObject({ isDamage: true })
    await expect(opening, part).rejects.toThrow('empty data directory')
  }
})

/** A simulated store, and what a damaged table of it reads as. */
function simulated(seed: string) {
  const world = new World(seed)
  const store = new SimulatedStore(world, 'a')
  const attach = (life: string): void => store.attach(world.life(life))
  attach('first')
  const valueAt = (i: number): Uint8Array => seededRandom(`value ${i}`).bytes(300)
  for (let i = 0; i < KEYS; i++) {
    store.write([{ key: utf8(`key ${i}`), value: valueAt(i) }], () => {})
    world.runUntil(world.now + 100)
  }
  return { world, store, attach, valueAt }
}

test('the simulated store does the same to what is in its tables', () => {
  const seen = new Set<string>()
  for (let seed = 0; seed < 40; seed++) {
    const { world, store, attach, valueAt } = simulated(`table ${seed}`)
    store.crash(world.random)
    attach('second')
    store.crash(world.random)
    expect(store.damageTable(seededRandom(`damage ${seed}`))).toBe(true)
    try {
      attach('third')
      const one = new Set(read(store, KEYS, valueAt))
      let all: DiskFault | undefined
      store.view().page(ALL, 10_000, (fault) => {
        all = fault
      })
      world.runUntil(world.now + 100)
      expect(isDiskDamage(all)).toBe(one.has('damage'))
      for (const what of one) seen.add(what)
    } catch (error) {
      if (!isDiskDamage(error)) throw error
      seen.add('refused')
    }
  }
  expect([...seen].sort()).toEqual(['absent', 'damage', 'refused', 'right', 'wrong'])
})

test('the simulated store loses batches of damaged logs as the model says', () => {
  const blockBytes = 1_024
  let two = 0
  for (let seed = 0; seed < 60; seed++) {
    const random = seededRandom(`simulated ${seed}`)
    const world = new World(`simulated ${seed}`)
    const store = new SimulatedStore(world, 'a', { blockBytes, walBytesMax: 4_096 })
    store.attach(world.life('first'))
    const batches = Array.from({ length: 1 + random.below(60) }, (_, number) => [
      { key: utf8(`batch ${number}`), value: random.bytes(1 + random.below(400)) },
      { key: utf8('last'), value: utf8(String(number)) }
    ])
    for (const batch of batches) {
      let done = false
      store.write(batch, () => {
        done = true
      })
      world.runWhile(world.now + 1_000, () => done)
    }
    store.crash(random)
    const sizes = store.logSizes
    if (sizes.length > 1) two++
    const inLogs = countIn(batches.map(batchBytes), sizes, blockBytes)
    const log = random.below(sizes.length)
    const damage = damageOf(Math.max(1, sizes[log] ?? 0), random)
    store.damageLog(log, damage)
    store.attach(world.life('second'))
    const expected: number[] = []
    let number = batches.length - inLogs.reduce((sum, count) => sum + count, 0)
    for (let before = 0; before < number; before++) expected.push(before)
    for (const [i, count] of inLogs.entries()) {
      const own = batches.slice(number, number + count).map(batchBytes)
      const kept = i === log ? survivors(own, damage, blockBytes) : own.keys()
      for (const at of kept) expected.push(number + at)
      number += count
    }
    expect(found(store, batches.length), `${seed}: ${JSON.stringify(damage)}`).toEqual(expected)
    const last = expected.at(-1)
    expect(store.get(utf8('last'))).toEqual(last === undefined ? undefined : utf8(String(last)))
  }
  expect(two).toBeGreaterThan(5)
})

/** How many of the newest batches each log holds. */
function countIn(sizes: number[], logs: readonly number[], blockBytes: number): number[] {
  const counts: number[] = []
  let end = sizes.length
  for (const bytes of logs.toReversed()) {
    let from = end
    while (from > 0 && walBytes(sizes.slice(from, end), blockBytes) < bytes) from--
    counts.unshift(end - from)
    end = from
  }
  return counts
}
