import fc from 'fast-check'
import { concatBytes, Malformed } from '../../src/wire/bytes.ts'
import { decodeFrame } from '../../src/wire/frame.ts'
import { packAfter } from '../../src/wire/pack.ts'
import type { Recorded } from './recorded.ts'

/** Whole numbers at the edges of what codecs, indexes and terms can be, and small ones. */
export const whole: fc.Arbitrary<number> = fc.oneof(
  { weight: 3, arbitrary: fc.nat(24) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      127,
      128,
      65_535,
      2 ** 31 - 1,
      2 ** 31,
      2 ** 32 - 1,
      2 ** 32,
      2 ** 48,
      2 ** 52,
      Number.MAX_SAFE_INTEGER - 1,
      Number.MAX_SAFE_INTEGER
    )
  },
  { weight: 1, arbitrary: fc.maxSafeNat() }
)

/** What msgpack can say where a decoder expects something else: extension types as well. */
const foreign: fc.Arbitrary<unknown> = fc.oneof(
  whole,
  fc.constantFrom<unknown>(
    -1,
    -0,
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    -(2 ** 53),
    2n ** 63n,
    '',
    'a',
    'f'.repeat(32),
    '\u0000',
    'x'.repeat(70_000),
    null,
    undefined,
    true,
    false,
    [],
    [[]],
    {},
    { a: 1 }
  ),
  fc.constantFrom<unknown>(
    new Map([[1, 2]]),
    new Set([1]),
    new Date(0),
    /a/,
    new Error('no'),
    new Uint8Array(0),
    new Uint8Array(9),
    new Uint8Array(70_000),
    Array.from({ length: 9_000 }, (_, i) => i),
    nested(40)
  ),
  fc.string({ maxLength: 40 }),
  fc.uint8Array({ maxLength: 40 }),
  fc.array(whole, { maxLength: 12 })
)

function nested(depth: number): unknown {
  let value: unknown = []
  for (let i = 0; i < depth; i++) value = [value]
  return value
}

type Change = (bytes: Uint8Array) => Uint8Array

const place = fc.nat(1_000_000)
const mask = fc.integer({ min: 1, max: 255 })

/** Ways to spoil any bytes. Places are taken modulo the length. */
export const ofBytes: fc.Arbitrary<Change> = fc.oneof(
  labelled('flip', fc.tuple(place, mask), ([at, bits]) => (bytes) => {
    if (bytes.length === 0) return bytes
    const out = bytes.slice()
    const i = at % out.length
    out[i] = (out[i] as number) ^ bits
    return out
  }),
  labelled('write', fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 9 })), ([at, put]) => {
    return (bytes) => {
      const i = at % (bytes.length + 1)
      return concatBytes([bytes.slice(0, i), put, bytes.slice(i + put.length)])
    }
  }),
  labelled(
    'insert',
    fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 9 })),
    ([at, put]) => {
      return (bytes) => {
        const i = at % (bytes.length + 1)
        return concatBytes([bytes.slice(0, i), put, bytes.slice(i)])
      }
    }
  ),
  labelled('cut', place, (at) => (bytes) => bytes.slice(0, at % (bytes.length + 1))),
  labelled('drop', fc.tuple(place, fc.integer({ min: 1, max: 16 })), ([at, count]) => (bytes) => {
    const i = at % (bytes.length + 1)
    return concatBytes([bytes.slice(0, i), bytes.slice(i + count)])
  }),
  labelled('lengths lie', fc.tuple(place, fc.constantFrom(0xff, 0x7f, 0x80, 0)), ([at, value]) => {
    return (bytes) => {
      const out = bytes.slice()
      const i = at % (out.length + 1)
      out.fill(value, i, i + 4)
      return out
    }
  }),
  labelled('zeros', fc.tuple(place, place), ([at, count]) => (bytes) => {
    const out = bytes.slice()
    const i = at % (out.length + 1)
    out.fill(0, i, i + (count % 64))
    return out
  }),
  labelled('twice', fc.constant(0), () => (bytes) => concatBytes([bytes, bytes]))
)

/** Ways to spoil a frame, knowing how it is built. */
function ofFrames(corpus: readonly Recorded[]): fc.Arbitrary<Change> {
  const other = fc.nat(corpus.length - 1).map((i) => (corpus[i] as Recorded).bytes)
  return fc.oneof(
    labelled('field', fc.tuple(place, place, foreign), ([at, within, value]) =>
      ofHead((head) => {
        const i = at % head.length
        const inner = head[i]
        const isDeep = Array.isArray(inner) && inner.length > 0 && within % 2 === 0
        return head.with(i, isDeep ? inner.with(within % inner.length, value) : value)
      })
    ),
    labelled('field more', fc.tuple(place, foreign), ([at, value]) =>
      ofHead((head) => head.toSpliced(at % (head.length + 1), 0, value))
    ),
    labelled('field less', place, (at) => ofHead((head) => head.toSpliced(at % head.length, 1))),
    labelled('kind', fc.integer({ min: 0, max: 255 }), (kind) =>
      ofHead((head) => head.with(0, kind))
    ),
    labelled('body of another', other, (from) => (bytes) => {
      const { head } = decodeFrame(bytes)
      return frameOf(head, decodeFrame(from).body)
    }),
    labelled('merged', other, (next) => (bytes) => concatBytes([bytes, next])),
    labelled('body', ofBytes, (change) => (bytes) => {
      const { head, body } = decodeFrame(bytes)
      return frameOf(head, change(body))
    })
  )
}

/** Names what `change` does in a report. */
function labelled<T>(
  name: string,
  arbitrary: fc.Arbitrary<T>,
  change: (value: T) => Change
): fc.Arbitrary<Change> {
  return arbitrary.map((value) => {
    const label = `${name} ${fc.stringify(value).slice(0, 80)}`
    return Object.assign(change(value), { [fc.toStringMethod]: () => label })
  })
}

function ofHead(change: (head: readonly unknown[]) => readonly unknown[]): Change {
  return (bytes) => {
    const { head, body } = decodeFrame(bytes)
    return frameOf(change(head), body)
  }
}

/** As `encodeFrame` makes it, of whatever there is: it asserts what a decoder must check. */
export function frameOf(head: readonly unknown[], body: Uint8Array): Uint8Array {
  const packed = packAfter(4, head)
  new DataView(packed.buffer, packed.byteOffset).setUint32(0, packed.length - 4)
  return concatBytes([packed, body])
}

/** A true frame, spoiled once or a few times: it still looks like one to most of a decoder. */
export function spoiledFrame(corpus: readonly Recorded[]): fc.Arbitrary<Recorded> {
  const change = fc.oneof(
    { weight: 3, arbitrary: ofFrames(corpus) },
    { weight: 1, arbitrary: ofBytes }
  )
  const channel = fc.constantFrom<Recorded['channel']>('main', 'bulk')
  return fc
    .tuple(
      fc.nat(corpus.length - 1),
      fc.array(change, { minLength: 0, maxLength: 3 }),
      fc.option(channel, { freq: 5 })
    )
    .map(([i, changes, other]) => {
      const { bytes, channel: own } = corpus[i] as Recorded
      return { bytes: changes.reduce(tryTo, bytes), channel: other ?? own }
    })
}

/** What is no frame any more cannot be spoiled as one. */
function tryTo(bytes: Uint8Array, change: Change): Uint8Array {
  try {
    return change(bytes)
  } catch (error) {
    if (error instanceof Malformed) return bytes
    throw error
  }
}
