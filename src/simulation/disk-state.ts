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

/** A part of a file: [from, to). */
export interface Stretch {
  readonly name: string
  readonly from: number
  readonly to: number
}

/**
 * What of the log its node must notice damage in, by itself. `noted`: what it wrote down as
 * durable, whatever else a crash tears. `followed`: what is not noted yet, in all batches but the
 * newest: damage there shows as long as no crash comes after it.
 */
export function settledParts(node: SimulatedNode): {
  readonly noted: readonly Stretch[]
  readonly followed: readonly Stretch[]
} {
  const [durable = 0] = readNote(node.store, LOG_END_KEY, 1) ?? []
  const image = node.disk.image()
  const newest = newestBatch(image)
  const noted: Stretch[] = []
  const followed: Stretch[] = []
  for (const [name, bytes] of segmentsOf(image)) {
    let end = 0
    let to = 0
    for (const [sequence, at] of records(bytes)) {
      if (sequence <= durable) end = at
      else if (sequence < newest) to = at
    }
    if (end > 0) noted.push({ name, from: 0, to: end })
    if (to > end) followed.push({ name, from: end, to })
  }
  return { noted, followed }
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

/** Sequence, end and batch of each record, up to the first that does not follow. */
function* records(bytes: Uint8Array): Generator<readonly [number, number, number]> {
  const reader = new RecordReader(bytes)
  let last: number | undefined
  for (let at = 0; ; ) {
    const header = reader.at(at)
    if (header === undefined || (last !== undefined && header.sequence !== last + 1)) return
    at += header.length
    last = header.sequence
    yield [header.sequence, at, header.batch]
  }
}
