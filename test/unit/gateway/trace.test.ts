import { expect, test } from 'vitest'
import { traceIn } from '../../../src/gateway/trace.ts'

const ID = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'

test('a trace context is followed by its trace id, of later versions too', () => {
  expect(traceIn({ traceparent: `00-${ID}-${PARENT}-01` })).toBe(ID)
  expect(traceIn({ traceparent: `cc-${ID}-${PARENT}-00-what-else` })).toBe(ID)
  expect(traceIn({ traceparent: `00-${ID}-${PARENT}-01`, 'x-request-id': 'other' })).toBe(ID)
})

test('else by the id of the request', () => {
  expect(traceIn({ 'x-request-id': 'a-1_2.3:4/5=+' })).toBe('a-1_2.3:4/5=+')
  expect(traceIn({ traceparent: 'garbage', 'x-request-id': 'a' })).toBe('a')
})

test('what is malformed, too long or nothing names nothing', () => {
  const none = [
    {},
    { traceparent: '' },
    { traceparent: `00-${'0'.repeat(32)}-${PARENT}-01` },
    { traceparent: `ff-${ID}-${PARENT}-01` },
    { traceparent: `00-${ID.toUpperCase()}-${PARENT}-01` },
    { traceparent: `00-${ID}-${PARENT}` },
    { traceparent: `00-${ID}-${PARENT}-01x` },
    { 'x-request-id': '' },
    { 'x-request-id': 'a b' },
    { 'x-request-id': 'a\nb' },
    { 'x-request-id': 'x'.repeat(65) },
    { 'x-request-id': 'ä' }
  ]
  for (const headers of none) expect(traceIn(headers)).toBe('')
})
