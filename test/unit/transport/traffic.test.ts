import { expect, test } from 'vitest'
import { TrafficBook } from '../../../src/transport/traffic.ts'

test('the traffic with a node outlives its links', () => {
  const book = new TrafficBook()
  book.of('a', 'node').framesOut++
  book.of('a', 'node').framesOut++
  expect(book.told([{ peer: 'a', role: 'node', queuedBytes: 7 }])).toMatchObject([
    { peer: 'a', framesOut: 2, links: 1, queuedBytes: 7 }
  ])
  expect(book.told([])).toMatchObject([{ peer: 'a', framesOut: 2, links: 0, queuedBytes: 0 }])
})

test('clients are told together', () => {
  const book = new TrafficBook()
  book.of('x', 'client').bytesIn += 5
  book.of('y', 'client').bytesIn += 6
  const standing = [
    { peer: 'x', role: 'client', queuedBytes: 1 },
    { peer: 'y', role: 'client', queuedBytes: 2 }
  ] as const
  expect(book.told(standing)).toMatchObject([{ peer: '', bytesIn: 11, links: 2, queuedBytes: 3 }])
})

test('whoever dials under ever new names takes no more memory', () => {
  const book = new TrafficBook()
  for (let i = 0; i < 5_000; i++) book.of(`node ${i}`, 'node').framesIn++
  const told = book.told([])
  expect(told.length).toBeLessThan(1_100)
  expect(told.reduce((sum, { framesIn }) => sum + framesIn, 0)).toBe(5_000)
})
