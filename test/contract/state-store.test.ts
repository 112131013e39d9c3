import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { SimulatedStore } from '../../src/simulation/state-store.ts'
import { World } from '../../src/simulation/world.ts'
import { openLevel } from '../../src/storage/level.ts'
import { StoreLocked } from '../../src/storage/store-errors.ts'
import type { StateStore } from '../../src/world/state-store.ts'
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

  test('a store in use is refused by name', async () => {
    const directory = path.join(root, String(directories++))
    await openAt(directory)
    await expect(openLevel(directory)).rejects.toThrow(StoreLocked)
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
