import { expect, test } from 'vitest'
import { concatBytes, Malformed, utf8 } from '../../../src/wire/bytes.ts'
import { decodeFrame, encodeFrame, FRAME } from '../../../src/wire/frame.ts'
import { FRAME_BODY_BYTES_MAX, FRAME_HEAD_BYTES_MAX } from '../../../src/wire/limits.ts'
import { pack } from '../../../src/wire/pack.ts'

test('a frame is its head and its bodies, joined', () => {
  const frame = concatBytes(encodeFrame([FRAME.raft, 'x', 7], [utf8('ab'), utf8('c')]))
  const { kind, head, body } = decodeFrame(frame)
  expect([kind, head, Buffer.from(body).toString()]).toEqual([FRAME.raft, [4, 'x', 7], 'abc'])
  expect(body.buffer).toBe(frame.buffer)
})

test('a frame may have no body', () => {
  const parts = encodeFrame([FRAME.cancel, 1])
  expect(parts.length).toBe(1)
  expect(decodeFrame(concatBytes(parts)).body.length).toBe(0)
})

test('the layout is u32 head length, head, body', () => {
  const frame = concatBytes(encodeFrame([3, 5], [utf8('!')]))
  expect([...frame]).toEqual([0, 0, 0, 3, 0x92, 3, 5, 33])
})

test('no two kinds share a number', () => {
  const numbers = Object.values(FRAME)
  expect(new Set(numbers).size).toBe(numbers.length)
})

test('the largest head and body pass, larger ones do not', () => {
  const text = 'x'.repeat(FRAME_HEAD_BYTES_MAX - 7)
  const body = new Uint8Array(FRAME_BODY_BYTES_MAX)
  const frame = concatBytes(encodeFrame([FRAME.raft, text], [body]))
  expect(decodeFrame(frame).body.length).toBe(FRAME_BODY_BYTES_MAX)
  expect(() => encodeFrame([FRAME.raft, `${text}x`])).toThrow(/frame head/)
  expect(() => encodeFrame([FRAME.raft], [body, utf8('x')])).toThrow(/frame body/)
  expect(() => decodeFrame(concatBytes([frame, utf8('x')]))).toThrow(Malformed)
})

test('a head that is too long, too short or no array with a kind is refused', () => {
  const framed = (head: Uint8Array, length = head.length): Uint8Array =>
    concatBytes([Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length), head])
  for (const head of [1, 'x', null, [], ['x'], [0], [256], [1.5], [[1]], [-1]]) {
    expect(() => decodeFrame(framed(pack(head)))).toThrow(Malformed)
  }
  const good = pack([1])
  expect(decodeFrame(framed(good)).kind).toBe(1)
  expect(() => decodeFrame(framed(good, good.length + 1))).toThrow(Malformed)
  expect(() => decodeFrame(framed(good, good.length - 1))).toThrow(Malformed)
  expect(() => decodeFrame(framed(good, 0xffff_ffff))).toThrow(Malformed)
  for (const length of [0, 1, 2, 3]) {
    expect(() => decodeFrame(new Uint8Array(length))).toThrow(Malformed)
  }
})
