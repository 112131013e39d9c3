import { checksum } from '../storage/checksum.ts'
import { ByteReader, ByteWriter, Malformed } from '../wire/bytes.ts'
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
  disk.replace(LATEST, sealed(encodeClusterMap(map)))
}

export function saveFoundingMap(disk: Disk, map: ClusterMap): void {
  disk.replace(FOUNDING, sealed(encodeClusterMap(map)))
}

/*
 * A file is 02 · CRC-32 of the map, u32 · the map. One that begins with 01 is a map alone, as it
 * was written once.
 */
const SEALED = 2
const HEAD_BYTES = 5

/** A flipped bit can make another valid map, with other members of a group. */
function sealed(map: Uint8Array): Uint8Array {
  return new ByteWriter(HEAD_BYTES + map.length).u8(SEALED).u32(checksum(map)).raw(map).finish()
}

function unsealed(bytes: Uint8Array): Uint8Array {
  const reader = new ByteReader(bytes)
  if (reader.u8() !== SEALED) return bytes
  const crc = reader.u32()
  const map = reader.raw(reader.remaining)
  if (checksum(map) !== crc) throw new Malformed('a wrong checksum')
  return map
}

function read(disk: Disk, name: string): ClusterMap | undefined {
  const size = disk.size(name)
  if (size < 0) return undefined
  try {
    return decodeClusterMap(unsealed(disk.read(name, 0, size)))
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    const problem = `${name} in the data directory cannot be read (${error.message})`
    throw new UnusableData(`${problem}: restore it or start with an empty directory`)
  }
}
