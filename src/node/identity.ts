import { checksum } from '../storage/checksum.ts'
import { utf8, utf8Text } from '../wire/bytes.ts'
import type { ClusterId, GroupId, NodeId, StoreId } from '../wire/ids.ts'
import { hex } from '../wire/session-id.ts'
import type { Disk } from '../world/disk.ts'
import type { Random } from '../world/random.ts'

/** What makes this data directory this node, in one small file that is replaced as a whole. */
export interface Identity {
  readonly nodeId: NodeId
  /** Drawn with the directory: tells a wiped or copied disk from the registered one. */
  readonly storeId: StoreId
  /** Empty until the node belongs to a cluster; never changes afterwards. */
  readonly clusterId: ClusterId
  /** How often the directory was opened, this time included. */
  readonly bootCount: number
  /** The log has durable records: finding none later means that they were lost. */
  readonly logBorn: boolean
  /** Groups whose state here was found to differ from the others': they never serve again here. */
  readonly damaged: readonly GroupId[]
}

/** The data directory cannot be served as it is; the message tells the operator why. */
export class UnusableData extends Error {
  override readonly name = 'UnusableData'
}

const FILE = 'identity.json'
/** 2 added `check`. */
const FORMAT = 2

/**
 * Reads the identity and counts this start, durably; makes a new one in an empty directory. Throws
 * UnusableData when the directory is another node's, damaged, or written by a newer version.
 */
export function openIdentity(disk: Disk, nodeId: NodeId, random: Random): Identity {
  const before = readIdentity(disk)
  if (before === undefined && disk.list().length > 0) {
    throw new UnusableData(`the data directory has data but no ${FILE}: restore it or use another`)
  }
  const fresh = {
    nodeId,
    storeId: hex(random.bytes(16)),
    clusterId: '',
    bootCount: 0,
    logBorn: false,
    damaged: []
  }
  const identity = before ?? fresh
  if (identity.nodeId !== nodeId) {
    throw new UnusableData(
      `the data directory belongs to node ${identity.nodeId}, not to ${nodeId}`
    )
  }
  return saveIdentity(disk, { ...identity, bootCount: identity.bootCount + 1 })
}

export function saveIdentity(disk: Disk, identity: Identity): Identity {
  const check = checkOf(identity)
  disk.replace(FILE, utf8(`${JSON.stringify({ format: FORMAT, ...identity, check }, null, 2)}\n`))
  return identity
}

function readIdentity(disk: Disk): Identity | undefined {
  const size = disk.size(FILE)
  if (size < 0) return undefined
  const fields = parse(utf8Text(disk.read(FILE, 0, size)) ?? '')
  const { format, nodeId, storeId, clusterId, bootCount, logBorn, damaged, check } = fields
  if (typeof format === 'number' && format > FORMAT) {
    throw new UnusableData('the data directory was written by a newer version of KeyMesh')
  }
  if (
    typeof nodeId !== 'string' ||
    typeof storeId !== 'string' ||
    typeof clusterId !== 'string' ||
    typeof bootCount !== 'number' ||
    typeof logBorn !== 'boolean' ||
    !isNumbers(damaged)
  ) {
    throw rotten()
  }
  const identity = { nodeId, storeId, clusterId, bootCount, logBorn, damaged }
  if (format !== 1 && (format !== FORMAT || check !== checkOf(identity))) throw rotten()
  return identity
}

/** A flipped bit can make another valid identity: an older boot count, a group not damaged. */
function checkOf({ nodeId, storeId, clusterId, bootCount, logBorn, damaged }: Identity): number {
  const fields = [nodeId, storeId, clusterId, bootCount, logBorn, damaged]
  return checksum(utf8(JSON.stringify(fields)))
}

const rotten = (): UnusableData =>
  new UnusableData(`${FILE} in the data directory is damaged: restore it or use another`)

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((one) => Number.isSafeInteger(one))
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
