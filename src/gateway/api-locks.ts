import {
  LOCK_OWNER_BYTES_MAX,
  LOCK_TTL_MS_MAX,
  LOCK_TTL_MS_MIN,
  LOCK_WAIT_MS_MAX
} from '../wire/limits.ts'
import type { AnswerShape, BodyShape } from './api-shape.ts'

// The words of locks in the table of calls.

export const token = {
  type: 'integer',
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  title: 'the token of a lock',
  description: 'Of one lock larger with every grant, for ever.'
} as const

export const fenceKey = {
  type: 'string',
  pattern: '^.+$',
  title: 'the key of a lock, percent-encoded',
  description: 'With keymesh-fence-token: only while this lock is held with that token.'
} as const

export const fenceToken = { ...token, description: 'Goes with keymesh-fence-key.' } as const

const ttl = {
  type: 'integer',
  minimum: LOCK_TTL_MS_MIN,
  maximum: LOCK_TTL_MS_MAX,
  title: `a whole number from ${LOCK_TTL_MS_MIN} to ${LOCK_TTL_MS_MAX}`,
  description: 'In ms, counted from when the request was sent. Unless it is kept, the lock is free.'
} as const

export const LOCK_BODY = {
  type: 'json',
  required: false,
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      ttl: { ...ttl, default: 10_000 },
      wait: {
        type: 'integer',
        minimum: 0,
        maximum: LOCK_WAIT_MS_MAX,
        default: 5_000,
        title: `a whole number from 0 to ${LOCK_WAIT_MS_MAX}`,
        description: 'How many ms to stand in line, beside the timeout. Who hangs up leaves it.'
      },
      owner: {
        type: 'string',
        default: '',
        title: `text of at most ${LOCK_OWNER_BYTES_MAX} bytes`,
        description: 'Tells others who holds the lock.'
      },
      shared: { type: 'boolean', default: false, title: 'true or false' }
    }
  }
} as const satisfies BodyShape

export const KEEP_BODY = {
  type: 'json',
  required: true,
  schema: {
    type: 'object',
    required: ['token'],
    additionalProperties: false,
    properties: { token, ttl: { ...ttl, description: 'Without it the ttl stays what it was.' } }
  }
} as const satisfies BodyShape

const HEADERS = ['keymesh-session'] as const

export const LOCKED = {
  description: 'It is held with this token, for ttl ms from the sending of the request on.',
  content: [
    'application/json',
    {
      type: 'object',
      required: ['token', 'ttl'],
      additionalProperties: false,
      properties: { token, ttl }
    }
  ],
  headers: HEADERS
} as const satisfies AnswerShape

export const KEPT = {
  description: 'It is held, and its ttl begins anew.',
  content: [
    'application/json',
    {
      type: 'object',
      required: ['token'],
      additionalProperties: false,
      properties: { token, ttl }
    }
  ],
  headers: HEADERS
} as const satisfies AnswerShape

export const RELEASED = {
  description: 'It was held with this token, and is free, or held by who was next in line.',
  content: [
    'application/json',
    {
      type: 'object',
      required: ['released'],
      additionalProperties: false,
      properties: { released: { const: true } }
    }
  ],
  headers: HEADERS
} as const satisfies AnswerShape

const count = { type: 'integer', minimum: 0 } as const

export const LOCK_STATE = {
  description: 'Who holds it; of several who share it, who has held it longest.',
  content: [
    'application/json',
    {
      oneOf: [
        {
          type: 'object',
          required: ['held', 'token', 'owner', 'expiresIn', 'waiters', 'shared', 'holders'],
          additionalProperties: false,
          properties: {
            held: { const: true },
            token,
            owner: { type: 'string' },
            expiresIn: { ...count, description: 'In ms, unless it is kept.' },
            waiters: count,
            shared: { type: 'boolean' },
            holders: { type: 'integer', minimum: 1 }
          }
        },
        {
          type: 'object',
          required: ['held', 'token'],
          additionalProperties: false,
          properties: {
            held: { const: false },
            token: { ...count, description: 'Of the last grant; 0: none is remembered.' }
          }
        }
      ]
    }
  ],
  headers: HEADERS
} as const satisfies AnswerShape
