import { TRANSACTION_OPERATIONS_MAX, TTL_MS_MAX } from '../wire/limits.ts'
import { revision, ttl } from './api-schemas.ts'
import type { AnswerShape, BodyShape } from './api-shape.ts'

// The words of transactions in the table of calls. The command line reads the same JSON.

const BYTES = 'text, or {"base64":"…"}'

/** Text stands for its UTF-8. */
const bytes = {
  title: BYTES,
  anyOf: [
    { type: 'string' },
    {
      type: 'object',
      required: ['base64'],
      additionalProperties: false,
      properties: { base64: { type: 'string', contentEncoding: 'base64' } }
    }
  ]
} as const

const key = { ...bytes, title: `a key: ${BYTES}` } as const
const value = { ...bytes, title: `a value: ${BYTES}` } as const

const CONDITION = {
  type: 'object',
  title:
    'one condition: key with revision, exists or value; or lock with token. ' +
    'Several conditions are several items',
  additionalProperties: false,
  properties: {
    key,
    revision: {
      type: 'integer',
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      title: 'a revision',
      description: '0: there is no such key.'
    },
    exists: { type: 'boolean', title: 'true or false' },
    value,
    lock: { ...key, description: 'The key of a lock that must be held with this token.' },
    token: {
      type: 'integer',
      minimum: 1,
      maximum: Number.MAX_SAFE_INTEGER,
      title: 'the token of a lock'
    }
  },
  minProperties: 2,
  maxProperties: 2,
  anyOf: [
    { required: ['key', 'revision'] },
    { required: ['key', 'exists'] },
    { required: ['key', 'value'] },
    { required: ['lock', 'token'] }
  ]
} as const

const STEP = {
  type: 'object',
  title: 'one operation: put, delete, get or increment',
  additionalProperties: false,
  properties: {
    put: key,
    value,
    ttl: { ...ttl, title: `a whole number from 1 to ${TTL_MS_MAX}` },
    delete: key,
    get: key,
    increment: key,
    by: {
      type: 'integer',
      minimum: Number.MIN_SAFE_INTEGER,
      maximum: Number.MAX_SAFE_INTEGER,
      default: 1,
      title: 'a safe integer'
    }
  },
  oneOf: [
    { required: ['put'] },
    { required: ['delete'] },
    { required: ['get'] },
    { required: ['increment'] }
  ],
  dependentRequired: { put: ['value'], value: ['put'], ttl: ['put'], by: ['increment'] }
} as const

const listOf = <T extends object>(items: T, title: string, description: string) =>
  ({ type: 'array', title, description, maxItems: TRANSACTION_OPERATIONS_MAX, items }) as const

export const TRANSACTION_BODY = {
  type: 'json',
  required: true,
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      if: listOf(CONDITION, 'a list of conditions', 'All must hold; none: they do.'),
      ops: listOf(STEP, 'a list of operations', 'Run in this order if the conditions hold.'),
      else: listOf(STEP, 'a list of operations', 'Run in place of ops if one does not hold.')
    }
  }
} as const satisfies BodyShape

const expiresIn = {
  type: 'integer',
  minimum: 0,
  description: 'The ms after which the key is gone; only if it has a ttl.'
} as const

const RESULT = {
  description: 'Of put, increment, delete of what was there and was not, and get.',
  oneOf: [
    {
      type: 'object',
      required: ['revision'],
      additionalProperties: false,
      properties: { revision }
    },
    {
      type: 'object',
      required: ['value', 'revision'],
      additionalProperties: false,
      properties: { value: { type: 'integer' }, revision, expiresIn }
    },
    {
      type: 'object',
      required: ['existed', 'revision'],
      additionalProperties: false,
      properties: { existed: { const: true }, revision }
    },
    {
      type: 'object',
      required: ['existed'],
      additionalProperties: false,
      properties: { existed: { const: false } }
    },
    {
      type: ['object', 'null'],
      required: ['value', 'revision'],
      additionalProperties: false,
      properties: { value: bytes, revision, expiresIn }
    }
  ]
} as const

const id = {
  type: ['string', 'null'],
  description: 'For GET /v1/txn/{id}; null: nothing was written, so nobody keeps a record of it.'
} as const

const results = { type: 'array', items: RESULT, description: 'Of what was run, in its order.' }

export const TRANSACTED = {
  description:
    'It happened at one moment, durable on a majority of the replicas of each partition.',
  content: [
    'application/json',
    {
      oneOf: [
        {
          type: 'object',
          required: ['id', 'committed', 'results'],
          additionalProperties: false,
          properties: { id, committed: { const: true, description: 'ops were run.' }, results }
        },
        {
          type: 'object',
          required: ['id', 'committed', 'failed', 'results'],
          additionalProperties: false,
          properties: {
            id,
            committed: { const: false, description: 'else was run.' },
            failed: {
              type: 'array',
              minItems: 1,
              items: { type: 'integer', minimum: 0 },
              description: 'Places in if of the conditions that did not hold.'
            },
            results
          }
        }
      ]
    }
  ],
  headers: ['keymesh-session']
} as const satisfies AnswerShape

export const TRANSACTION_STATE = {
  description: 'What became of it. unknown: it is not remembered (any more).',
  content: [
    'application/json',
    {
      type: 'object',
      required: ['id', 'state'],
      additionalProperties: false,
      properties: {
        id: { type: 'string' },
        state: { enum: ['pending', 'committed', 'aborted', 'unknown'] }
      }
    }
  ],
  headers: ['keymesh-session']
} as const satisfies AnswerShape
