import { expect, test } from 'vitest'
import { openIdentity, saveIdentity, UnusableData } from '../../../src/node/identity.ts'
import { readFoundingMap, readMap, saveFoundingMap, saveMap } from '../../../src/node/map-files.ts'
import { SimulatedDisk } from '../../../src/simulation/disk.ts'
import { World } from '../../../src/simulation/world.ts'
import { utf8, utf8Text } from '../../../src/wire/bytes.ts'
import type { ClusterMap } from '../../../src/wire/cluster-map.ts'
import { encodeClusterMap } from '../../../src/wire/cluster-map-codec.ts'
import { seededRandom } from '../../../src/world/random.ts'

// Goal: a file of the data directory that is not as it was written is never believed. Method: flip
// every bit of it, and cut it everywhere.

function emptyDisk(): SimulatedDisk {
  const world = new World('small files')
  const disk = new SimulatedDisk(world, 'a')
  disk.attach(world.life('life'))
  return disk
}

const random = seededRandom('small files')
const IDENTITY = {
  nodeId: 'node1',
  storeId: '0123456789abcdef0123456789abcdef',
  clusterId: 'fedcba9876543210fedcba9876543210',
  bootCount: 7,
  logBorn: true,
  damaged: [3, 12]
}

const MAP: ClusterMap = {
  clusterId: IDENTITY.clusterId,
  epoch: 3,
  clusterVersion: 1,
  settings: { partitions: 1, replicas: 1, hash: 'xxh64-0' },
  nextReplica: 3,
  nodes: [
    {
      id: 'node1',
      storeId: IDENTITY.storeId,
      addresses: ['/ip4/127.0.0.1/tcp/7101'],
      http: '',
      zone: '',
      state: 'up'
    }
  ],
  placements: [
    { group: 0, members: [{ replica: 1, node: 'node1', voter: true }] },
    { group: 1, members: [{ replica: 2, node: 'node1', voter: true }] }
  ]
}

/** Calls `look` on every damaged variant of the file `name`; true: it was believed. */
function believed(disk: SimulatedDisk, name: string, look: () => void): number[] {
  const bytes = disk.read(name, 0, disk.size(name))
  const found: number[] = []
  const attempt = (at: number): void => {
    try {
      look()
      found.push(at)
    } catch (error) {
      if (!(error instanceof UnusableData)) throw error
    }
    disk.replace(name, bytes)
  }
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    disk.flipBit(name, bit)
    attempt(bit)
  }
  for (let length = 0; length < bytes.length; length++) {
    disk.cutAtRest(name, length)
    attempt(-length)
  }
  return found
}

test('an identity that rots is refused, wherever it does', () => {
  const disk = emptyDisk()
  saveIdentity(disk, IDENTITY)
  const size = disk.size('identity.json')
  // Without the line's end it is still all there.
  const open = (): void => void openIdentity(disk, 'node1', random)
  expect(believed(disk, 'identity.json', open)).toEqual([1 - size])
  expect(openIdentity(disk, 'node1', random)).toEqual({ ...IDENTITY, bootCount: 8 })
})

test('an identity of the first format is taken as it is', () => {
  const disk = emptyDisk()
  disk.replace('identity.json', utf8(JSON.stringify({ format: 1, ...IDENTITY })))
  expect(openIdentity(disk, 'node1', random)).toEqual({ ...IDENTITY, bootCount: 8 })
  const text = utf8Text(disk.read('identity.json', 0, 10_000)) ?? ''
  expect(JSON.parse(text)).toMatchObject({ format: 2, bootCount: 8 })
})

test('a map that rots is refused, wherever it does', () => {
  const disk = emptyDisk()
  saveMap(disk, MAP)
  saveFoundingMap(disk, MAP)
  expect(believed(disk, 'cluster-map', () => readMap(disk))).toEqual([])
  expect(believed(disk, 'founding-map', () => readFoundingMap(disk))).toEqual([])
  expect(readMap(disk)).toEqual(MAP)
  expect(readFoundingMap(disk)).toEqual(MAP)
})

test('a map without a checksum, as it was written once, is read', () => {
  const disk = emptyDisk()
  disk.replace('cluster-map', encodeClusterMap(MAP))
  expect(readMap(disk)).toEqual(MAP)
})
