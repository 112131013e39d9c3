import { VALUE_BYTES_MAX } from '../wire/limits.ts'
import { CLUSTER } from './api-cluster.ts'
import {
  fenceKey,
  fenceToken,
  KEEP_BODY,
  KEPT,
  LOCK_BODY,
  LOCK_STATE,
  LOCKED,
  RELEASED,
  token
} from './api-locks.ts'
import { cursor, DELETED_RANGE, keysOnly, limit, RANGE, reverse, SCANNED } from './api-scans.ts'
import {
  ALIVE,
  COUNTED,
  consistency,
  DELETED,
  idempotencyKey,
  ifMatch,
  ifNoneMatchOfReads,
  ifNoneMatchOfWrites,
  OF_KEYS,
  ON_KEYS,
  READY,
  timeout,
  ttl,
  VALUE,
  WRITTEN
} from './api-schemas.ts'
import type { ApiCall } from './api-shape.ts'
import { TRANSACTED, TRANSACTION_BODY, TRANSACTION_STATE } from './api-transactions.ts'
import { EVENTS, lastEventId, WATCHED } from './api-watch.ts'

/** Whoever probes may add to the query what they like, against caches for example: none is read. */
const PROBE = {
  method: 'GET',
  head: true,
  open: true,
  query: {},
  headers: {},
  problems: []
} as const

const CHANGING = [
  'conflict',
  'fenced',
  'idempotency_reused',
  'contention',
  'unavailable',
  'unknown_outcome'
] as const

/** Headers that every change of a key takes. */
const ON_CHANGES = {
  ...OF_KEYS,
  'if-match': ifMatch,
  'keymesh-fence-key': fenceKey,
  'keymesh-fence-token': fenceToken,
  'idempotency-key': idempotencyKey
} as const

/**
 * Every call of the HTTP API, once: requests are routed and validated by this table, and
 * `/openapi.json` is made of it. By the name of the call.
 */
export const API = {
  get: {
    method: 'GET',
    path: '/v1/kv/{key}',
    head: true,
    summary: 'Read a value',
    query: {
      ...ON_KEYS,
      consistency
    },
    headers: { ...OF_KEYS, 'if-none-match': ifNoneMatchOfReads },
    answers: {
      200: VALUE,
      304: { description: 'The caller knows this revision.', headers: VALUE.headers }
    },
    problems: ['not_found', 'unavailable', 'timeout']
  },
  put: {
    method: 'PUT',
    path: '/v1/kv/{key}',
    summary: 'Write a value',
    query: { ...ON_KEYS, ttl },
    headers: { ...ON_CHANGES, 'if-none-match': ifNoneMatchOfWrites },
    body: { type: 'bytes', description: `The value: 0 to ${VALUE_BYTES_MAX} bytes of any kind.` },
    answers: { 200: WRITTEN },
    problems: CHANGING
  },
  delete: {
    method: 'DELETE',
    path: '/v1/kv/{key}',
    summary: 'Delete a key',
    query: ON_KEYS,
    headers: ON_CHANGES,
    answers: { 200: DELETED },
    problems: CHANGING
  },
  increment: {
    method: 'POST',
    path: '/v1/kv/{key}/increment',
    summary: 'Add to a whole number',
    description: 'The value is decimal text; an absent key counts as 0. A ttl stays as it is.',
    query: ON_KEYS,
    headers: { ...ON_CHANGES, 'if-none-match': ifNoneMatchOfWrites },
    body: {
      type: 'json',
      required: false,
      schema: {
        type: 'object',
        additionalProperties: false,
        properties: {
          by: {
            type: 'integer',
            minimum: Number.MIN_SAFE_INTEGER,
            maximum: Number.MAX_SAFE_INTEGER,
            default: 1,
            title: 'a safe integer'
          }
        }
      }
    },
    answers: { 200: COUNTED },
    problems: [...CHANGING, 'not_a_number']
  },
  touch: {
    method: 'POST',
    path: '/v1/kv/{key}/touch',
    summary: 'Give a key another ttl, or none',
    description: 'The value stays as it is; the revision is a new one.',
    query: ON_KEYS,
    headers: ON_CHANGES,
    body: {
      type: 'json',
      required: true,
      schema: {
        type: 'object',
        required: ['ttl'],
        additionalProperties: false,
        properties: {
          ttl: {
            type: ['integer', 'null'],
            minimum: ttl.minimum,
            maximum: ttl.maximum,
            title: `a whole number from ${ttl.minimum} to ${ttl.maximum}, or null`,
            description: 'In ms from now on; null: the key stays.'
          }
        }
      }
    },
    answers: { 200: WRITTEN },
    problems: [...CHANGING, 'not_found']
  },
  scan: {
    method: 'GET',
    path: '/v1/kv',
    head: true,
    summary: 'Read keys of a range in the order of their bytes',
    description:
      'Over all partitions: what a page shows of one partition stood there at one moment, the ' +
      'page as a whole did not. A page may be shorter than asked for, or empty: only an answer ' +
      'without cursor is the last one.',
    query: { ...ON_KEYS, consistency, ...RANGE, limit, cursor, keysOnly, reverse },
    headers: OF_KEYS,
    answers: { 200: SCANNED },
    problems: ['unavailable', 'timeout']
  },
  deleteRange: {
    method: 'DELETE',
    path: '/v1/kv',
    summary: 'Delete all keys that begin with a prefix',
    description:
      'Not atomic: one key after the other, as they are found. With an outcome that is unknown ' +
      'some may be gone; to send it again does no harm.',
    query: { ...ON_KEYS, prefix: RANGE.prefix },
    headers: OF_KEYS,
    answers: { 200: DELETED_RANGE },
    problems: ['unavailable', 'unknown_outcome']
  },
  watch: {
    method: 'GET',
    head: true,
    path: '/v1/watch',
    summary: 'Hear of every change of a key, or of keys with a prefix',
    description:
      'Each change once, those of a key in their order, from now on or from a cursor. A caller ' +
      'who comes back with `Last-Event-ID` misses nothing.',
    query: { ...ON_KEYS, ...WATCHED },
    headers: { ...OF_KEYS, 'last-event-id': lastEventId },
    answers: { 200: EVENTS },
    problems: ['compacted', 'unavailable', 'timeout']
  },
  txn: {
    method: 'POST',
    path: '/v1/txn',
    summary: 'Read and write several keys at one moment',
    description: 'Strictly serializable over any keys. Operations see what earlier ones did.',
    query: ON_KEYS,
    headers: { ...OF_KEYS, 'idempotency-key': idempotencyKey },
    body: TRANSACTION_BODY,
    answers: { 200: TRANSACTED },
    problems: [
      'not_a_number',
      'contention',
      'idempotency_reused',
      'unavailable',
      'timeout',
      'unknown_outcome'
    ]
  },
  txnState: {
    method: 'GET',
    path: '/v1/txn/{id}',
    head: true,
    summary: 'What became of a transaction',
    query: { timeout },
    headers: OF_KEYS,
    answers: { 200: TRANSACTION_STATE },
    problems: ['unavailable', 'timeout']
  },
  lock: {
    method: 'POST',
    path: '/v1/locks/{key}',
    summary: 'Wait in line for a lock',
    description: 'A lock and a value of one key have nothing to do with each other.',
    query: ON_KEYS,
    headers: OF_KEYS,
    body: LOCK_BODY,
    answers: { 200: LOCKED },
    problems: ['locked', 'lock_lost', 'unavailable', 'unknown_outcome']
  },
  keepLock: {
    method: 'PUT',
    path: '/v1/locks/{key}',
    summary: 'Keep a lock that is held',
    query: ON_KEYS,
    headers: OF_KEYS,
    body: KEEP_BODY,
    answers: { 200: KEPT },
    problems: ['lock_lost', 'unavailable', 'unknown_outcome']
  },
  unlock: {
    method: 'DELETE',
    path: '/v1/locks/{key}',
    summary: 'Give a lock back',
    query: { ...ON_KEYS, token },
    headers: OF_KEYS,
    answers: { 200: RELEASED },
    problems: ['lock_lost', 'unavailable', 'unknown_outcome']
  },
  lockState: {
    method: 'GET',
    path: '/v1/locks/{key}',
    head: true,
    summary: 'Who holds a lock',
    query: ON_KEYS,
    headers: OF_KEYS,
    answers: { 200: LOCK_STATE },
    problems: ['unavailable', 'timeout']
  },
  cluster: {
    method: 'GET',
    path: '/v1/cluster',
    head: true,
    summary: 'Nodes, settings and partitions',
    query: { timeout },
    headers: {},
    answers: { 200: CLUSTER },
    problems: ['unavailable']
  },
  openapi: {
    method: 'GET',
    path: '/openapi.json',
    head: true,
    summary: 'This document',
    query: { timeout },
    headers: {},
    answers: { 200: { description: 'OpenAPI 3.1.', content: ['application/json', {}] } },
    problems: []
  },
  metrics: {
    method: 'GET',
    path: '/metrics',
    head: true,
    summary: 'Figures of this node for Prometheus',
    query: {},
    headers: {},
    answers: { 200: { description: 'Text format 0.0.4.', content: ['text/plain', {}] } },
    problems: []
  },
  livez: { ...PROBE, path: '/livez', summary: 'Whether the process answers', answers: ALIVE },
  healthz: { ...PROBE, path: '/healthz', summary: 'The same as /livez', answers: ALIVE },
  readyz: { ...PROBE, path: '/readyz', summary: 'Whether this node takes part', answers: READY }
} as const satisfies Readonly<Record<string, ApiCall>>

export type CallName = keyof typeof API
