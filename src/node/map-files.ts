import { Malformed } from '../wire/bytes.ts'
import type { ClusterMap } from '../wire/cluster-map.ts'
import { decodeClusterMap, encodeClusterMap } from '../wire/cluster-map-codec.ts'
import type { Disk } from '../world/disk.ts'
import { UnusableData } from './identity.ts'

/** The latest map this node knows: how it finds the others after a restart. */
const LATEST = 'cluster-map'
/**
 * The map the cluster was formed with, on its first members only: where the system group begins.
 */
const FOUNDING = 'founding-map'

export function readMap(disk: Disk): ClusterMap | undefined {
  return read(disk, LATEST)
}

export function readFoundingMap(disk: Disk): ClusterMap | undefined {
  return read(disk, FOUNDING)
}

export function saveMap(disk: Disk, map: ClusterMap): void {
  disk.replace(LATEST, encodeClusterMap(map))
}

export function saveFoundingMap(disk: Disk, map: ClusterMap): void {
  disk.replace(FOUNDING, encodeClusterMap(map))
}

function read(disk: Disk, name: string): ClusterMap | undefined {
  const size = disk.size(name)
  if (size < 0) return undefined
  try {
    return decodeClusterMap(disk.read(name, 0, size))
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    const problem = `${name} in the data directory cannot be read (${error.message})`
    throw new UnusableData(`${problem}: restore it or start with an empty directory`)
  }
}
