import { assert } from '../world/assert.ts'
import { Malformed } from './bytes.ts'
import { asArray, asInteger } from './fields.ts'
import { FRAME_BODY_BYTES_MAX, FRAME_BYTES_MAX, FRAME_HEAD_BYTES_MAX } from './limits.ts'
import { packAfter, unpack } from './pack.ts'

/** The first element of every head. Numbers are never reused. */
export const FRAME = {
  request: 1,
  reply: 2,
  cancel: 3,
  raft: 4,
  confirm: 5,
  confirmReply: 6,
  map: 7,
  status: 8,
  form: 9,
  formReply: 10,
  snapshot: 11,
  snapshotReply: 12,
  digests: 13,
  refused: 14,
  freshness: 15,
  freshnessReply: 16
} as const

const KIND_MAX = 255
const HEAD_ELEMENTS_MAX = 65_536

export interface Frame {
  readonly kind: number
  /** `kind` first. Nothing but the kind is checked yet: see fields.ts. */
  readonly head: readonly unknown[]
  /** A view into the frame. */
  readonly body: Uint8Array
}

/**
 * A frame in parts, for `Transport.send`. Layout:
 *
 *   u32 head length, big endian | head: msgpack array, the kind first | body: opaque, to the end
 *
 * Values and entries go into the body as they are: they were encoded once and are never decoded
 * here. Requires: the sizes of limits.ts; `head` as `pack` wants it.
 */
export function encodeFrame(
  head: readonly unknown[],
  bodies: readonly Uint8Array[] = []
): readonly Uint8Array[] {
  const packed = packAfter(4, head)
  const length = packed.length - 4
  assert(length <= FRAME_HEAD_BYTES_MAX, `frame head of ${length} bytes`)
  packed[0] = length >>> 24
  packed[1] = length >>> 16
  packed[2] = length >>> 8
  packed[3] = length
  if (bodies.length === 0) return [packed]
  let bodyLength = 0
  for (const body of bodies) bodyLength += body.length
  assert(bodyLength <= FRAME_BODY_BYTES_MAX, `frame body of ${bodyLength} bytes`)
  return [packed, ...bodies]
}

/** Throws Malformed. Everything in the result is a view into `frame`. */
export function decodeFrame(frame: Uint8Array): Frame {
  if (frame.length > FRAME_BYTES_MAX) throw new Malformed(`frame of ${frame.length} bytes`)
  if (frame.length < 4) throw new Malformed('frame ends early')
  const headLength = headLengthOf(frame)
  if (headLength > frame.length - 4) throw new Malformed('frame ends early')
  const body = frame.subarray(4 + headLength)
  if (body.length > FRAME_BODY_BYTES_MAX) throw new Malformed(`frame body of ${body.length} bytes`)
  const packed = unpack(frame.subarray(4, 4 + headLength), FRAME_HEAD_BYTES_MAX)
  const head = asArray(packed, HEAD_ELEMENTS_MAX, 1)
  return { kind: asInteger(head[0], 1, KIND_MAX), head, body }
}

function headLengthOf(frame: Uint8Array): number {
  const high = ((frame[0] as number) << 8) | (frame[1] as number)
  return high * 0x1_0000 + (((frame[2] as number) << 8) | (frame[3] as number))
}
