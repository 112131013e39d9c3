import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameReader } from '../../../src/transport/frame-reader.ts'
import { Malformed } from '../../../src/wire/bytes.ts'

function framed(...frames: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    frames.flatMap((frame) => {
      const prefix = Buffer.alloc(4)
      prefix.writeUInt32BE(frame.length)
      return [prefix, frame]
    })
  )
}

function read(chunks: Iterable<Uint8Array>, bytesMax = 1_000): Uint8Array[] {
  const reader = new FrameReader(bytesMax)
  const frames: Uint8Array[] = []
  for (const chunk of chunks) reader.feed(chunk, (frame) => frames.push(frame) > 0)
  return frames
}

const texts = (frames: readonly Uint8Array[]): string[] =>
  frames.map((frame) => Buffer.from(frame).toString())

test('frames come out whole, however the stream is cut', () => {
  const frame = fc.uint8Array({ maxLength: 300 })
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 20 }), fc.array(fc.nat(40)), (frames, cuts) => {
      const stream = framed(...frames)
      const chunks: Uint8Array[] = []
      let offset = 0
      for (const length of [...cuts, stream.length]) {
        chunks.push(stream.subarray(offset, offset + length))
        offset += length
      }
      expect(read(chunks).map((bytes) => [...bytes])).toEqual(frames.map((bytes) => [...bytes]))
    })
  )
})

test('byte by byte', () => {
  const stream = framed(Buffer.from('one'), Buffer.alloc(0), Buffer.from('three'))
  expect(texts(read([...stream].map((byte) => Uint8Array.of(byte))))).toEqual(['one', '', 'three'])
})

test('a frame longer than allowed is refused at its prefix, and allowed lengths are not', () => {
  expect(read([framed(new Uint8Array(1_000))]).length).toBe(1)
  expect(() => read([framed(new Uint8Array(1_001)).subarray(0, 4)])).toThrow(Malformed)
  const prefix = [0xff, 0xff, 0xff, 0xff].map((byte) => Uint8Array.of(byte))
  expect(() => read(prefix)).toThrow(Malformed)
})

test('the bound may change between two frames of one chunk', () => {
  const reader = new FrameReader(4)
  const seen: number[] = []
  reader.feed(framed(new Uint8Array(4), new Uint8Array(50)), (frame) => {
    reader.bytesMax = 50
    return seen.push(frame.length) > 0
  })
  expect(seen).toEqual([4, 50])
})

test('it stops where it is told to', () => {
  const seen: string[] = []
  new FrameReader(100).feed(framed(Buffer.from('a'), Buffer.from('b')), (frame) => {
    seen.push(Buffer.from(frame).toString())
    return false
  })
  expect(seen).toEqual(['a'])
})

test('a kept frame holds at most four times its size, and is no Buffer', () => {
  const chunk = framed(new Uint8Array(10), new Uint8Array(500))
  for (const frame of read([chunk])) {
    expect(frame.buffer.byteLength).toBeLessThanOrEqual(frame.length * 4)
    expect(frame.constructor).toBe(Uint8Array)
  }
})

test('a large frame in small chunks is copied once, not once a chunk', () => {
  // Quadratic copying of 9 MiB in 1 KiB chunks would move 40 GiB: this would not end in time.
  const stream = framed(new Uint8Array(9 * 1024 * 1024))
  const chunks: Uint8Array[] = []
  for (let i = 0; i < stream.length; i += 1_024) chunks.push(stream.subarray(i, i + 1_024))
  expect(read(chunks, 10 * 1024 * 1024)[0]?.length).toBe(9 * 1024 * 1024)
})
