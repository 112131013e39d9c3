import { expect, test } from 'vitest'
import { OncePerLink } from '../../../src/node/once.ts'

// Goal: a request runs at most once per link, however its frames are repeated or reordered.

test('each id passes once, in any near order', () => {
  const once = new OncePerLink()
  once.open('a')
  const order = [7, 9, 8, 7, 9, 10, 8]
  expect(order.map((id) => once.admit('a', id))).toEqual([
    true,
    true,
    true,
    false,
    false,
    true,
    false
  ])
})

test('what is too old to be known is not let in', () => {
  const once = new OncePerLink()
  once.open('a')
  expect(once.admit('a', 1)).toBe(true)
  expect(once.admit('a', 1 + 1_024)).toBe(true)
  expect(once.admit('a', 1)).toBe(false)
})

test('a new link knows nothing of the one before, and without one nothing passes', () => {
  const once = new OncePerLink()
  once.open('a')
  expect(once.admit('a', 5)).toBe(true)
  once.close('a')
  expect(once.admit('a', 6)).toBe(false)
  once.open('a')
  expect(once.admit('a', 5)).toBe(true)
})
