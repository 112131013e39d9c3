import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { SimulatedStore } from '../../src/simulation/state-store.ts'
import { World } from '../../src/simulation/world.ts'
import { openLevel } from '../../src/storage/level.ts'
import { StoreLocked } from '../../src/storage/store-errors.ts'
import type { StateStore, StateWrite } from '../../src/world/state-store.ts'
import { type StoreHarness, stateStoreContract } from './state-store.contract.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'keymesh-store-'))
const opened: StateStore[] = []
let directories = 0

const close = (store: StateStore): Promise<void> => new Promise((done) => store.close(done))
afterEach(async () => {
  for (const store of opened.splice(0)) await close(store)
})
afterAll(() => fs.rmSync(root, { recursive: true }))

async function openAt(directory: string): Promise<StateStore> {
  const store = await openLevel(directory)
  opened.push(store)
  return store
}

function manifest(directory: string): string {
  const [name = ''] = fs.readdirSync(directory).filter((one) => one.startsWith('MANIFEST'))
  return path.join(directory, name)
}

function zeroed(directory: string, end: string): void {
  const file = path.join(directory, 'CURRENT')
  fs.writeFileSync(file, `${'\0'.repeat(15)}${end}`)
}

function asDirectory(file: string): void {
  fs.rmSync(file)
  fs.mkdirSync(file)
}

describe('classic-level', () => {
  stateStoreContract(async (): Promise<StoreHarness> => {
    const directory = path.join(root, String(directories++))
    const store = await openAt(directory)
    return {
      store,
      wait: (start) => new Promise(start),
      reopen: async () => {
        opened.splice(opened.indexOf(store), 1)
        await close(store)
        return openAt(directory)
      }
    }
  })

  test('what was deleted gives its room back when it is compacted', async () => {
    const directory = path.join(root, String(directories++))
    const store = await openLevel(directory, { writeBufferBytes: 256 * 1024 })
    opened.push(store)
    const write = (batch: readonly StateWrite[]): Promise<unknown> =>
      new Promise((done) => store.write(batch, done))
    const key = (i: number): Uint8Array => Uint8Array.of(1, i)
    for (let i = 0; i < 40; i++) {
      await write([{ key: key(i), value: new Uint8Array(randomBytes(100_000)) }])
    }
    await write(Array.from({ length: 30 }, (_, i) => ({ key: key(i), value: undefined })))
    const bytes = (): number =>
      fs.readdirSync(directory).reduce((sum, name) => {
        return sum + (fs.statSync(path.join(directory, name), { throwIfNoEntry: false })?.size ?? 0)
      }, 0)
    expect(bytes()).toBeGreaterThan(4_000_000)
    await new Promise((done) => store.compact(key(0), key(29), done))
    expect(bytes()).toBeLessThan(1_500_000)
  })

  test('a store in use is refused by name', async () => {
    const directory = path.join(root, String(directories++))
    await openAt(directory)
    await expect(openLevel(directory)).rejects.toThrow(StoreLocked)
  })

  const zeros = new Uint8Array(16)
  test.each<[string, (directory: string) => void]>([
    ['CURRENT cut short', (at) => fs.writeFileSync(path.join(at, 'CURRENT'), 'MANIF')],
    ['CURRENT emptied', (at) => fs.writeFileSync(path.join(at, 'CURRENT'), '')],
    ['CURRENT zeroed', (at) => fs.writeFileSync(path.join(at, 'CURRENT'), zeros)],
    ['CURRENT zeroed but for its end', (at) => zeroed(at, '\n')],
    ['CURRENT naming nothing', (at) => fs.writeFileSync(path.join(at, 'CURRENT'), 'MANIFEST-9\n')],
    ['CURRENT a directory', (at) => asDirectory(path.join(at, 'CURRENT'))],
    ['no manifest', (at) => fs.rmSync(manifest(at))],
    ['the manifest emptied', (at) => fs.writeFileSync(manifest(at), '')],
    ['the manifest zeroed', (at) => fs.writeFileSync(manifest(at), zeros)]
  ])('%s is told as damage, with what to do', async (_name, spoil) => {
    const directory = path.join(root, String(directories++))
    await close(await openLevel(directory))
    spoil(directory)
    const error = await openLevel(directory).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'DiskFault', isDamage: true })
    expect(error).toHaveProperty('message', expect.stringMatching(/empty data directory/))
  })

  test('a table cut short is found by reading it, as damage', async () => {
    const directory = path.join(root, String(directories++))
    const store = await openAt(directory)
    const value = new Uint8Array(1024 * 1024)
    for (let i = 0; i < 40; i++) {
      const batch = [{ key: Uint8Array.of(i), value }]
      await new Promise<void>((done) => store.write(batch, () => done()))
    }
    opened.splice(opened.indexOf(store), 1)
    await close(store)
    const [table = ''] = fs.readdirSync(directory).filter((name) => name.endsWith('.ldb'))
    fs.truncateSync(path.join(directory, table), 100)
    const view = (await openAt(directory)).view()
    const faults: unknown[] = []
    for (let i = 0; i < 40; i++) {
      const range = { gte: Uint8Array.of(i), lt: Uint8Array.of(i + 1) }
      const told = await new Promise((done) => view.page(range, 1, done))
      if (told !== undefined) faults.push(told)
    }
    view.release()
    expect(faults).not.toEqual([])
    for (const told of faults) expect(told).toMatchObject({ name: 'DiskFault', isDamage: true })
  })

  test('a directory that may not be read is no damage', async () => {
    const file = path.join(root, 'a-file')
    fs.writeFileSync(file, '')
    const error = await openLevel(path.join(file, 'state')).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'DiskFault', isDamage: false })
  })
})

describe('simulated store', () => {
  stateStoreContract((): Promise<StoreHarness> => {
    const world = new World('store contract')
    const store = new SimulatedStore(world, 'a')
    store.attach(world.life('first'))
    const wait: StoreHarness['wait'] = (start) =>
      new Promise((resolve) => {
        start(resolve)
        world.runUntil(world.now + 1000)
      })
    return Promise.resolve({
      store,
      wait,
      reopen: async () => {
        await wait<void>((done) => store.close(() => done()))
        store.attach(world.life('second'))
        return store
      }
    })
  })
})
