import { revision } from './api-schemas.ts'
import type { AnswerShape } from './api-shape.ts'

/** Entries of a page: unless asked for, and at most. */
export const PAGE_ENTRIES_DEFAULT = 100
export const PAGE_ENTRIES_MAX = 10_000

const key = {
  type: 'string',
  title: 'the beginning of a key'
} as const

/** Which keys: those that all of it names. */
export const RANGE = {
  prefix: { ...key, description: 'Those that begin with it.' },
  start: { ...key, description: 'This one and those after it.' },
  end: { ...key, description: 'Those before it; empty: without an end.' }
} as const

export const limit = {
  type: 'integer',
  minimum: 1,
  maximum: PAGE_ENTRIES_MAX,
  default: PAGE_ENTRIES_DEFAULT,
  description: 'So many entries in a page at most.'
} as const

export const cursor = {
  type: 'string',
  pattern: '^[A-Za-z0-9_-]*$',
  title: 'a cursor as we gave it',
  description: 'Where the page before ended: opaque; with the same range, in the same direction.'
} as const

export const keysOnly = {
  type: 'boolean',
  default: false,
  description: 'Without values.'
} as const

export const reverse = {
  type: 'boolean',
  default: false,
  description: 'From the last key to the first.'
} as const

/** Text, or bytes that are none. */
const bytes = {
  oneOf: [
    { type: 'string' },
    {
      type: 'object',
      required: ['base64'],
      additionalProperties: false,
      properties: { base64: { type: 'string' } }
    }
  ]
} as const

export const SCANNED = {
  description: 'A page of keys, in order.',
  content: [
    'application/json',
    {
      type: 'object',
      required: ['entries'],
      additionalProperties: false,
      properties: {
        entries: {
          type: 'array',
          items: {
            type: 'object',
            required: ['key', 'revision'],
            additionalProperties: false,
            properties: {
              key: bytes,
              value: { ...bytes, description: 'Not with keysOnly.' },
              revision,
              expiresIn: { type: 'integer', minimum: 0, description: 'In ms; if it has a ttl.' }
            }
          }
        },
        cursor: { type: 'string', description: 'Of the next page; absent: this is the last.' }
      }
    }
  ],
  headers: ['keymesh-session', 'keymesh-staleness-ms']
} as const satisfies AnswerShape

export const DELETED_RANGE = {
  description: 'How many keys were deleted, durably.',
  content: [
    'application/json',
    {
      type: 'object',
      required: ['deleted'],
      additionalProperties: false,
      properties: { deleted: { type: 'integer', minimum: 0 } }
    }
  ],
  headers: ['keymesh-session']
} as const satisfies AnswerShape
