import { expect, test } from 'vitest'
import { Line, type Place } from '../../../src/client/line.ts'

// Goal: never more inside than there is room for, the others in the order they came.

test('who finds no room waits for it in line; who gives up leaves no gap', () => {
  const line = new Line(2, 3)
  const turns: number[] = []
  const enter = (i: number): Place => line.enter(() => void turns.push(i)) as Place
  const places = [0, 1, 2, 3, 4].map(enter)
  expect(places.map(({ isIn }) => isIn)).toEqual([true, true, false, false, false])
  expect(line.enter(() => {})).toBeUndefined()
  expect(line.waiting).toBe(3)
  places[2]?.leave()
  places[0]?.leave()
  expect(turns).toEqual([3])
  expect(enter(5).isIn).toBe(false)
  places[1]?.leave()
  places[3]?.leave()
  expect(turns).toEqual([3, 4, 5])
  expect(line.waiting).toBe(0)
  expect(() => places[3]?.leave()).toThrow('once')
})

test('ten thousand that leave as soon as they are in need no stack', () => {
  const line = new Line(1, 10_000)
  const first = line.enter(() => {})
  let turns = 0
  for (let i = 0; i < 10_000; i++) {
    const place = line.enter(() => {
      turns++
      place?.leave()
    })
  }
  first?.leave()
  expect(turns).toBe(10_000)
  expect(line.enter(() => {})?.isIn).toBe(true)
})
