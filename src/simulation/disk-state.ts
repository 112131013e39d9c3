import { LOG_END_KEY, lifeKey, readNote } from '../storage/node-notes.ts'
import { RecordReader } from '../storage/records.ts'
import { utf8Text } from '../wire/bytes.ts'
import type { StoreId } from '../wire/ids.ts'
import type { DiskImage } from './disk.ts'
import type { SimulatedNode } from './node.ts'

const SEGMENT = /^log-\d+\.segment$/

/** What stands in the identity file of a data directory. */
export interface DiskIdentity {
  readonly storeId: StoreId
  readonly clusterId: string
  readonly bootCount: number
}

/** Undefined: there is none. */
export function identityOf(image: DiskImage): DiskIdentity | undefined {
  const bytes = image.get('identity.json')
  if (bytes === undefined) return undefined
  return JSON.parse(utf8Text(bytes) ?? '') as DiskIdentity
}

/** Number of the last record of the log. */
export function logEnd(image: DiskImage): number {
  let last = 0
  for (const bytes of segmentsOf(image).values()) {
    for (const [sequence] of records(bytes)) last = sequence
  }
  return last
}

/**
 * The part of each segment that its node knows to have been durable, whatever a crash tears: that
 * very node must notice damage to it. With `batches`, all batches but the newest are part of it: a
 * flipped bit in them shows, as long as no crash comes after it.
 */
export function settledParts(
  node: SimulatedNode,
  { batches }: { readonly batches: boolean }
): ReadonlyMap<string, number> {
  const [durable = 0] = readNote(node.store, LOG_END_KEY, 1) ?? []
  const image = node.disk.image()
  const newest = batches ? newestBatch(image) : 0
  const parts = new Map<string, number>()
  for (const [name, bytes] of segmentsOf(image)) {
    for (const [sequence, end] of records(bytes)) {
      if (sequence <= durable || sequence < newest) parts.set(name, end)
    }
  }
  return parts
}

/** Number of the first record of the newest batch. */
function newestBatch(image: DiskImage): number {
  let newest = 0
  for (const bytes of segmentsOf(image).values()) {
    for (const [, , batch] of records(bytes)) newest = batch
  }
  return newest
}

/** Whether `node`, after any crash, would know `image` as older than what it has seen. */
export function knowsBetter(node: SimulatedNode, image: DiskImage): boolean {
  const identity = identityOf(image)
  if (identity === undefined) return false
  const note = readNote(node.store, lifeKey(identity.storeId), 3)
  if (note === undefined) return false
  const [bootCount = 0, , durable = 0] = note
  const isSameLife = bootCount === identity.bootCount
  return bootCount > identity.bootCount || (isSameLife && durable > logEnd(image))
}

function segmentsOf(image: DiskImage): Map<string, Uint8Array> {
  return new Map([...image].filter(([name]) => SEGMENT.test(name)).sort())
}

/** Sequence, end and batch of each record, up to the first that is none. */
function* records(bytes: Uint8Array): Generator<readonly [number, number, number]> {
  const reader = new RecordReader(bytes)
  for (let at = 0; ; ) {
    const header = reader.at(at)
    if (header === undefined) return
    at += header.length
    yield [header.sequence, at, header.batch]
  }
}
