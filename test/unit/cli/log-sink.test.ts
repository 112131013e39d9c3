import { expect, test } from 'vitest'
import { LogSink } from '../../../src/cli/log-sink.ts'
import { utf8Text } from '../../../src/wire/bytes.ts'

// Goal: a log that cannot be written ends nobody, loses nothing that fits in memory, and says what
// it lost.

/** A file on a disk with room for so many bytes more. */
function sinkWith(room: number) {
  const file = { text: '', room, busy: 0 }
  const sink = new LogSink((bytes) => {
    if (file.busy-- > 0) throw Object.assign(new Error('busy'), { code: 'EAGAIN' })
    const taken = bytes.subarray(0, file.room)
    if (taken.length === 0) throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
    file.room -= taken.length
    file.text += utf8Text(taken)
    return taken.length
  })
  return { file, sink }
}

test('what did not fit is written when it does, in order and once', () => {
  const { file, sink } = sinkWith(15)
  for (let i = 0; i < 5; i++) sink.write(`line ${i}\n`)
  expect(file.text).toBe('line 0\nline 1\nl')
  expect(sink.takeDropped()).toBe(0)
  file.room = 1_000
  sink.write('line 5\n')
  expect(file.text).toBe('line 0\nline 1\nline 2\nline 3\nline 4\nline 5\n')
  expect(sink.takeDropped()).toBe(0)
})

test('what does not fit in memory either is counted, and told once the rest is written', () => {
  const { file, sink } = sinkWith(0)
  const line = `${'x'.repeat(1_023)}\n`
  for (let i = 0; i < 300; i++) sink.write(line)
  expect(sink.takeDropped()).toBe(0)
  file.room = 1_000_000
  sink.write('last\n')
  expect(file.text.length).toBe(256 * 1_024 + 5)
  expect(sink.takeDropped()).toBe(44)
  expect(sink.takeDropped()).toBe(0)
})

test('a busy reader is waited for', () => {
  const { file, sink } = sinkWith(1_000)
  file.busy = 3
  sink.write('one\n')
  expect(file.text).toBe('one\n')
})
