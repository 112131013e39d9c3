import { TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX, TTL_MS_MAX } from '../wire/limits.ts'
import type { AnswerShape, ApiCall, Parameters } from './api-shape.ts'
import { TOKEN_PATTERN } from './http-session.ts'

// The words of the table of calls that several of its entries use.

export const revision = {
  type: 'integer',
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Grows with every change of the key.'
} as const

const ms = { type: 'integer', minimum: 1 } as const

export const ttl = {
  ...ms,
  maximum: TTL_MS_MAX,
  description: 'In ms. The key is gone after that; without it, it stays.'
} as const

export const timeout = {
  ...ms,
  maximum: TIMEOUT_MS_MAX,
  default: TIMEOUT_MS_DEFAULT,
  description: 'How long the caller waits, in ms, from the head of the request on.'
} as const

export const encoding = {
  type: 'string',
  enum: ['base64url'],
  description: 'How keys are written: base64url without padding. Else UTF-8.'
} as const

const tag = '"(0|[1-9][0-9]{0,15})"'

export const ifMatch = {
  type: 'string',
  pattern: `^${tag}$`,
  title: 'one entity tag as we gave it, like "17"',
  description: 'Only if the key is at this revision; `"0"`: only if there is no such key.'
} as const

export const ifNoneMatchOfWrites = {
  type: 'string',
  pattern: '^\\*$',
  title: '* with a change',
  description: 'Only if there is no such key.'
} as const

export const idempotencyKey = {
  type: 'string',
  pattern: '^.{1,128}$',
  title: '1 to 128 bytes of text',
  description: 'A repeat with the same text does nothing and has the same answer, for ten minutes.'
} as const

export const ifNoneMatchOfReads = {
  type: 'string',
  title: 'a list of entity tags',
  description: 'Tags of revisions the caller knows: 304 if the key is at one of them.'
} as const

export const consistency = {
  type: 'string',
  enum: ['strong', 'session', 'eventual'],
  default: 'strong',
  title: 'strong, session or eventual',
  description:
    'strong: all that was acknowledged. session: all that the caller has seen, by any replica. ' +
    'eventual: what the nearest replica has, at once.'
} as const

const session = {
  type: 'string',
  pattern: TOKEN_PATTERN,
  title: 'a token as we gave it',
  description:
    'The last `keymesh-session` the caller was given, by any node. The answer carries the next ' +
    'one, and with consistency=session shows nothing older than the caller has seen.'
} as const

/** What every call on a key takes. */
export const ON_KEYS = { timeout, encoding } as const satisfies Parameters

/** Headers that every call on a key takes. */
export const OF_KEYS = { 'keymesh-session': session } as const satisfies Parameters

/** Headers of answers, as OpenAPI has them. */
export const RESPONSE_HEADERS = {
  ETag: {
    description: 'The revision, in quotes.',
    schema: { type: 'string', pattern: '^"[1-9][0-9]*"$' }
  },
  'keymesh-revision': { description: 'The revision of the key.', schema: revision },
  'keymesh-expires-in': {
    description: 'The ms after which the key is gone; only if it has a ttl.',
    schema: { type: 'integer', minimum: 0 }
  },
  'keymesh-session': {
    description: 'What the caller has seen up to this answer: opaque; send the last one back.',
    schema: { type: 'string', pattern: TOKEN_PATTERN }
  },
  'keymesh-staleness-ms': {
    description: 'With consistency=eventual: the answer was current so many ms ago, or later.',
    schema: { type: 'integer', minimum: 0 }
  },
  'keymesh-trace': {
    description: 'What the request is called in the logs; only if it has a name there.',
    schema: { type: 'string', minLength: 1, maxLength: 64 }
  },
  'Retry-After': {
    description: 'Seconds to wait before the next attempt.',
    schema: { type: 'integer', minimum: 1 }
  },
  'WWW-Authenticate': { description: 'What is asked for.', schema: { type: 'string' } }
} as const

export const ABOUT_A_KEY = [
  'ETag',
  'keymesh-revision',
  'keymesh-expires-in',
  'keymesh-session'
] as const

/** The form of everything that did not do what it was asked. */
export const PROBLEM = {
  type: 'object',
  required: ['error'],
  additionalProperties: false,
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'outcome', 'retryable'],
      additionalProperties: false,
      properties: {
        code: { type: 'string', description: 'Stable; see docs/errors.md.' },
        message: { type: 'string', description: 'For people; may change.' },
        outcome: {
          enum: ['not_applied', 'unknown'],
          description: 'not_applied: it surely changed nothing, and never will.'
        },
        retryable: {
          type: 'boolean',
          description: 'Sending it anew may succeed and cannot apply twice.'
        },
        owner: { type: 'string', description: 'With locked: what the holder says of itself.' },
        since: {
          type: 'integer',
          description: 'With locked: since when it is held, in ms since 1970.'
        },
        id: {
          type: 'string',
          description: 'Of a transaction that may have happened: for GET /v1/txn/{id}.'
        }
      }
    }
  }
} as const

export const VALUE = {
  description: 'The value.',
  content: ['application/octet-stream', {}],
  headers: [...ABOUT_A_KEY, 'keymesh-staleness-ms']
} as const satisfies AnswerShape

/** A change that was made, or found to be made already. */
export const WRITTEN = {
  description: 'Durable on a majority of the replicas.',
  content: [
    'application/json',
    {
      type: 'object',
      required: ['revision'],
      additionalProperties: false,
      properties: { revision }
    }
  ],
  headers: ABOUT_A_KEY
} as const satisfies AnswerShape

export const COUNTED = {
  description: 'The sum, durable on a majority of the replicas.',
  content: [
    'application/json',
    {
      type: 'object',
      required: ['value', 'revision'],
      additionalProperties: false,
      properties: { value: { type: 'integer' }, revision }
    }
  ],
  headers: ABOUT_A_KEY
} as const satisfies AnswerShape

export const DELETED = {
  description: 'Whether there was such a key; the revision is that of its deletion.',
  content: [
    'application/json',
    {
      oneOf: [
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
        }
      ]
    }
  ],
  headers: ['ETag', 'keymesh-revision', 'keymesh-session']
} as const satisfies AnswerShape

export const ALIVE = {
  200: {
    description: 'It does.',
    content: [
      'application/json',
      { type: 'object', required: ['live'], properties: { live: { const: true } } }
    ]
  }
} as const satisfies ApiCall['answers']

export const READY = {
  200: {
    description: 'It does.',
    content: [
      'application/json',
      { type: 'object', required: ['ready'], properties: { ready: { const: true } } }
    ]
  },
  503: {
    description: 'It does not (yet), and why.',
    content: [
      'application/json',
      {
        type: 'object',
        required: ['ready', 'reasons'],
        properties: {
          ready: { const: false },
          reasons: { type: 'array', minItems: 1, items: { type: 'string' } }
        }
      }
    ]
  }
} as const satisfies ApiCall['answers']
