import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, describe } from 'vitest'
import { SimulatedDisk } from '../../src/simulation/disk.ts'
import { World } from '../../src/simulation/world.ts'
import { openFiles } from '../../src/storage/files.ts'
import { type DiskHarness, diskContract } from './disk.contract.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'keymesh-disk-'))
afterAll(() => fs.rmSync(root, { recursive: true }))
let directories = 0

describe('real files', () => {
  diskContract((): DiskHarness => {
    const directory = path.join(root, String(directories++))
    return {
      disk: openFiles(directory),
      wait: (start) => new Promise(start),
      reopen: () => openFiles(directory)
    }
  })
})

describe('simulated disk', () => {
  diskContract((): DiskHarness => {
    const world = new World('disk contract')
    const disk = new SimulatedDisk(world, 'a')
    disk.attach(world.life('first'))
    return {
      disk,
      wait: (start) =>
        new Promise((resolve) => {
          start(resolve)
          world.runUntil(world.now + 1000)
        }),
      reopen: () => {
        disk.attach(world.life('second'))
        return disk
      }
    }
  })
})
