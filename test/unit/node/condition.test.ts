import { expect, test } from 'vitest'
import { Condition } from '../../../src/node/condition.ts'
import { ThrottledLog } from '../../../src/node/throttled-log.ts'
import { HandClock, HeardLog } from './heard-log.ts'

const nothing = (): Readonly<Record<string, unknown>> => ({})

test('a condition is told when it begins, each minute, and when it has ended', () => {
  const log = new HeardLog()
  const condition = new Condition(log, { begins: 'bad', ends: 'good' })
  for (let second = 0; second <= 200; second++) {
    condition.look(second * 1_000, second >= 10 && second < 140, () => ({ second }))
  }
  expect(log.lines).toEqual([
    { level: 'warn', event: 'bad', fields: { second: 10, forMs: 0 } },
    { level: 'warn', event: 'bad', fields: { second: 70, forMs: 60_000 } },
    { level: 'warn', event: 'bad', fields: { second: 130, forMs: 120_000 } },
    { level: 'info', event: 'good', fields: { forMs: 129_000 } }
  ])
})

test('what is over before it is worth a line gets none', () => {
  const log = new HeardLog()
  const condition = new Condition(log, { begins: 'bad', ends: 'good', afterMs: 5_000 })
  for (let second = 0; second < 60; second++) {
    condition.look(second * 1_000, second % 10 < 4, nothing)
  }
  expect(log.lines).toEqual([])
})

test('what flickers is one condition', () => {
  const log = new HeardLog()
  const condition = new Condition(log, { begins: 'bad', ends: 'good' })
  for (let second = 0; second < 30; second++)
    condition.look(second * 1_000, second % 3 === 0, nothing)
  for (let second = 30; second < 40; second++) condition.look(second * 1_000, false, nothing)
  expect(log.events).toEqual(['bad', 'good'])
})

test('a flood of lines is ten at once, one a second, and a count of the rest', () => {
  const log = new HeardLog()
  const clock = new HandClock()
  const throttled = new ThrottledLog(log, clock)
  for (; clock.at < 5_000; clock.at += 10) throttled.log('warn', 'slow', () => ({ at: clock.at }))
  expect(log.lines.length).toBeGreaterThanOrEqual(14)
  expect(log.lines.length).toBeLessThanOrEqual(15)
  const suppressed = log.lines.reduce((sum, { fields }) => sum + Number(fields.suppressed ?? 0), 0)
  clock.at += 60_000
  throttled.log('warn', 'slow', nothing)
  const rest = Number(log.lines.at(-1)?.fields.suppressed)
  expect(suppressed + rest + log.lines.length - 1).toBe(500)
})
