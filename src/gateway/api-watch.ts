import { RANGE } from './api-scans.ts'
import type { AnswerShape } from './api-shape.ts'

export const WATCHED = {
  key: { type: 'string', title: 'a key', description: 'The one key.' },
  prefix: { ...RANGE.prefix, description: 'Keys that begin with it; empty: all keys.' },
  from: {
    type: 'string',
    pattern: '^[0-9a-z._~-]+$',
    title: 'a cursor as we gave it',
    description: 'Goes on behind the event with this id. Absent: begins now.'
  }
} as const

/** What a browser sends when it comes back; it counts more than `from`. */
export const lastEventId = WATCHED.from

export const EVENTS: AnswerShape = {
  description:
    'Events until the caller hangs up: `put`, `delete` and `progress`, the first one a ' +
    '`progress`. `id` is the cursor behind the event; `data` is JSON: `key`, `revision`, the ' +
    '`value` of a put, and `"expired":true` of a delete by ttl. An event `error` comes last if ' +
    'the watch cannot go on; its `data` is a Problem.',
  content: ['text/event-stream', { type: 'string' }]
}
